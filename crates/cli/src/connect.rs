//! A gateway to talk to: a server's, or one of this process.

use deepfix_api::{
    DESCRIPTORS, analysis::analysis_service_client::AnalysisServiceClient,
    knowledge::knowledge_service_client::KnowledgeServiceClient, reasoning::reasoning_service_client::ReasoningServiceClient,
};
use deepfix_errors::Error;
use deepfix_rpc::{Client, MAX_MESSAGE, in_process, remote, remote_with_key, serve_in_process};
use deepfix_standalone::{Config, Services};
use tokio_util::sync::CancellationToken;

pub(crate) type Gateway = AnalysisServiceClient<Client>;

fn client(channel: Client) -> Gateway {
    AnalysisServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE)
}

/// The gateway at a URL.
pub(crate) fn server(url: &str) -> Result<Gateway, Error> {
    if url.starts_with("https://") {
        return Err(Error::field("--server", "https is not spoken yet; use http:// to a server or tunnel on this machine"));
    }
    let url = url.trim_end_matches('/');
    // The variable that the DeepFix SDK reads.
    let channel = match std::env::var("DEEPFIX_API_KEY") {
        Ok(key) if !key.is_empty() => remote_with_key(url, &key),
        _ => remote(url),
    };
    channel.map(client).map_err(|error| {
        if error.fields.iter().any(|f| f.field == "DEEPFIX_API_KEY") {
            return error;
        }
        Error::field("--server", format!("{url:?} is no address of the form http://host:port"))
    })
}

/// A gateway of this process with every service behind it, reached like a remote one.
pub(crate) fn local(config: &Config) -> Result<Gateway, Error> {
    let stop = CancellationToken::new();
    // Keys are for callers from outside.
    let mut config = config.clone();
    config.gateway.api_keys = std::path::PathBuf::new();
    let (services, module) = Services::start(&config, stop.clone())?;
    let (channel, connections) = in_process();
    tokio::spawn(async move {
        if let Err(error) = serve_in_process(module, DESCRIPTORS, connections, stop).await {
            tracing::error!(%error, "the gateway stopped");
        }
        services.join().await;
    });
    Ok(client(channel))
}

/// The knowledge service of this process alone.
pub(crate) fn knowledge(config: &Config) -> Result<KnowledgeServiceClient<Client>, Error> {
    Ok(KnowledgeServiceClient::new(alone("kb", config)?))
}

/// The reasoning service of this process alone.
pub(crate) fn reasoning(config: &Config) -> Result<ReasoningServiceClient<Client>, Error> {
    let client = ReasoningServiceClient::new(alone("reasoning", config)?);
    Ok(client.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE))
}

/// One service in this process.
fn alone(name: &'static str, config: &Config) -> Result<Client, Error> {
    let module = deepfix_standalone::module(name, config)?;
    let (channel, connections) = in_process();
    tokio::spawn(async move {
        if let Err(error) = serve_in_process(module, DESCRIPTORS, connections, CancellationToken::new()).await {
            tracing::error!(%error, name, "the service stopped");
        }
    });
    Ok(channel)
}
