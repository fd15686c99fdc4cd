//! Channels to services and what every call over them gets.

use std::{future::Future, io, time::Duration};

use deepfix_errors::{Error, ErrorCode};
use hyper_util::rt::TokioIo;
use tokio::{io::DuplexStream, sync::mpsc};
use tonic::{
    Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint, Uri},
};
use tower::service_fn;

/// What generated clients are made of: a channel whose calls carry the caller's trace context.
pub type Client = InterceptedService<Channel, TraceOut>;

/// Puts the current span's context, and a key where there is one, into a call's metadata.
#[derive(Debug, Clone)]
pub struct TraceOut(Option<MetadataValue<Ascii>>);

impl Interceptor for TraceOut {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        crate::inject(request.metadata_mut());
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("authorization", key.clone());
        }
        Ok(request)
    }
}

/// A channel to a server that wants a key.
///
/// # Errors
/// When the target is no `http://host:port`, or the key cannot stand in a header.
pub fn remote_with_key(target: &str, key: &str) -> Result<Client, Error> {
    let mut value = MetadataValue::try_from(format!("Bearer {key}"))
        .map_err(|_| Error::field("DEEPFIX_API_KEY", "holds characters that cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(InterceptedService::new(channel(target)?, TraceOut(Some(value))))
}

/// A channel to a service over TCP. Connects on first use and again when the connection ends.
///
/// # Errors
/// When the target is no `http://host:port`.
pub fn remote(target: &str) -> Result<Client, Error> {
    Ok(InterceptedService::new(channel(target)?, TraceOut(None)))
}

fn channel(target: &str) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(target.to_owned())
        .ok()
        .filter(|endpoint| matches!(endpoint.uri().scheme_str(), Some("http")) && endpoint.uri().host().is_some())
        .ok_or_else(|| Error::field("target", format!("{target:?} is no address of the form http://host:port")))?;
    Ok(endpoint
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .connect_lazy())
}

/// A channel to a service of this process, and where its server takes connections from.
#[must_use]
pub fn in_process() -> (Client, mpsc::Receiver<DuplexStream>) {
    let (sender, receiver) = mpsc::channel::<DuplexStream>(32);
    let channel = Endpoint::from_static("http://in-process")
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .connect_with_connector_lazy(service_fn(move |_: Uri| {
            let sender = sender.clone();
            async move {
                let (ours, theirs) = tokio::io::duplex(1 << 18);
                let gone = |_| io::Error::new(io::ErrorKind::ConnectionRefused, "the service has stopped");
                sender.send(theirs).await.map_err(gone)?;
                Ok::<_, io::Error>(TokioIo::new(ours))
            }
        }));
    (InterceptedService::new(channel, TraceOut(None)), receiver)
}

/// A limit on the time of a call, raised as `DeadlineExceeded` (tonic reports its own time-out as
/// `Cancelled`, like a broken connection).
#[derive(Debug, Clone, Copy)]
pub struct Deadline(tokio::time::Instant);

impl Deadline {
    /// This long from now.
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        Self(tokio::time::Instant::now() + limit)
    }

    /// The earlier of this and that long from now.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self(self.0.min(tokio::time::Instant::now() + limit))
    }

    /// What is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(tokio::time::Instant::now())
    }

    /// Runs a call within the limit.
    ///
    /// # Errors
    /// The call's own, or `DeadlineExceeded`.
    pub async fn run<T>(self, what: &str, call: impl Future<Output = Result<T, Status>>) -> Result<T, Error> {
        match tokio::time::timeout_at(self.0, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(status)) => {
                let mut error = Error::from_status(&status);
                // A status with a source was made on this side, by a connection that broke.
                let refused = matches!(error.code, ErrorCode::TooLarge | ErrorCode::Overloaded | ErrorCode::InvalidArgument);
                if std::error::Error::source(&status).is_some() && !refused {
                    error.code = ErrorCode::Unavailable;
                }
                Err(error)
            }
            Err(_) => Err(Error::new(ErrorCode::DeadlineExceeded, format!("{what} did not answer in time"))),
        }
    }
}
