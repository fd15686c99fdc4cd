//! A caller's trace goes through every hop: all seven services report spans of it to a collector.

mod support;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
};
use support::{Seven, flights, http};

/// Names of the services that reported a span, by trace.
type Seen = Arc<Mutex<BTreeSet<(String, String)>>>;

struct Collector(Seen);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let name = attributes.iter().find(|a| a.key == "service.name").and_then(|a| a.value.clone()?.value);
            let Some(Value::StringValue(name)) = name else { continue };
            for span in resource.scope_spans.into_iter().flat_map(|s| s.spans) {
                let trace: String = span.trace_id.iter().map(|b| format!("{b:02x}")).collect();
                self.0.lock().expect("no panic holds it").insert((trace, name.clone()));
            }
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_through_all_seven_services() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let seen = Seen::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let service = TraceServiceServer::new(Collector(seen.clone()));
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)),
    );

    tokio::task::spawn_blocking(move || {
        let seven = Seven::start_with(&[("DEEPFIX_TELEMETRY__OTLP_ENDPOINT".to_owned(), endpoint)]);
        let flags = support::demo_flags(&flights());
        let parts: Vec<(&str, Option<&str>, Vec<u8>)> = flags
            .chunks(2)
            .map(|pair| {
                let name = pair[0].trim_start_matches("--");
                match std::fs::read(&pair[1]) {
                    Ok(bytes) => (name, Some("file"), bytes),
                    Err(_) => (name, None, pair[1].clone().into_bytes()),
                }
            })
            .collect();
        let (content_type, body) = support::multipart(&parts);
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let headers = [("Content-Type", content_type.as_str()), ("traceparent", parent.as_str())];
        assert_eq!(http(seven.gateway.address, "POST", "/v1/analyses", &headers, &body).status, 200);
        // What is left is sent when a process ends.
        for server in std::iter::once(seven.gateway).chain(seven.services.into_iter().map(|s| s.1)) {
            server.signal("-TERM");
            assert_eq!(server.wait(), Some(0));
        }
    })
    .await
    .expect("no panic");

    let services: BTreeSet<String> =
        seen.lock().expect("no panic holds it").iter().filter(|s| s.0 == TRACE).map(|s| s.1.clone()).collect();
    let wanted = ["checkpoint-agent", "checks-agent", "dataset-agent", "gateway", "kb", "reasoning", "training-agent"];
    assert_eq!(services, wanted.iter().map(|s| format!("deepfix-{s}")).collect());
}
