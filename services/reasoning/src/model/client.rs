//! Calls to a language model: bounded in number, time and size, again after what passes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use deepfix_errors::{Error, ErrorCode};
use genai::{
    Client, ModelIden, ServiceTarget, WebConfig,
    chat::{ChatMessage, ChatOptions, ChatRequest, JsonSpec, StopReason},
    resolver::{AuthData, Endpoint, ServiceTargetResolver},
};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::config::ModelConfig;

/// Calls for one answer, the first included.
const ATTEMPTS: u32 = 3;
/// First pause between two; doubled each time.
const PAUSE: Duration = Duration::from_millis(300);
/// Longest answer that is read as one.
const MOST: usize = 64 * 1024;

/// Tokens of one or more calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) calls: u32,
    pub(crate) input: u64,
    pub(crate) output: u64,
}

impl Spent {
    /// With those of other calls.
    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.input += other.input;
        self.output += other.output;
    }
}

/// A model that can be asked.
pub(crate) struct Asker {
    client: Client,
    name: String,
    max_tokens: u32,
    room: Arc<Semaphore>,
}

impl Asker {
    /// The model of a configuration; `None` when none is wanted.
    pub(crate) fn new(config: &ModelConfig) -> Result<Option<Self>, Error> {
        let Some(kind) = config.adapter()? else { return Ok(None) };
        let key = config.api_key()?;
        let mut endpoint = config.endpoint.clone();
        if !endpoint.is_empty() && !endpoint.ends_with('/') {
            endpoint.push('/');
        }
        let compatible = config.provider == "compatible";
        let resolver = ServiceTargetResolver::from_resolver_fn(
            move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
                let endpoint = if endpoint.is_empty() { target.endpoint } else { Endpoint::from_owned(endpoint.clone()) };
                // A server of one's own often has no keys; the header must still be there.
                let auth = match &key {
                    Some(key) => AuthData::from_single(key.clone()),
                    None if compatible => AuthData::from_single("none"),
                    None => target.auth,
                };
                Ok(ServiceTarget { endpoint, auth, model: ModelIden::new(kind, target.model.model_name) })
            },
        );
        // Whoever came first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .with_adapter_kind(kind)
            .with_service_target_resolver(resolver)
            .with_web_config(WebConfig::default().with_timeout(config.timeout.0).with_connect_timeout(Duration::from_secs(5)))
            .build()
            .map_err(|error| Error::field("reasoning.model", error.to_string()))?;
        Ok(Some(Self {
            client,
            name: config.name.clone(),
            max_tokens: config.max_tokens,
            room: Arc::new(Semaphore::new(config.concurrency.max(1))),
        }))
    }

    /// The answer to a question, before the deadline.
    pub(crate) async fn ask(
        &self,
        system: &str,
        messages: Vec<ChatMessage>,
        (schema, temperature): (&Value, f64),
        until: Instant,
        spent: &mut Spent,
    ) -> Result<String, Error> {
        let late = || Error::new(ErrorCode::DeadlineExceeded, "the model did not answer in time");
        let left = || until.checked_duration_since(Instant::now()).ok_or_else(late);
        let _place = tokio::time::timeout(left()?, self.room.acquire()).await.map_err(|_| late())?.map_err(|_| late())?;
        let request = ChatRequest::from_system(system).append_messages(messages);
        let options = ChatOptions::default()
            .with_temperature(temperature)
            .with_max_tokens(self.max_tokens)
            .with_capture_usage(true)
            .with_response_format(JsonSpec::new("words", schema.clone()));
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            spent.calls += 1;
            let answer = tokio::time::timeout(left()?, self.client.exec_chat(&self.name, request.clone(), Some(&options)))
                .await
                .map_err(|_| late())?;
            let error = match answer {
                Ok(answer) => {
                    let tokens = |n: Option<i32>| u64::try_from(n.unwrap_or(0)).unwrap_or(0);
                    spent.input += tokens(answer.usage.prompt_tokens);
                    spent.output += tokens(answer.usage.completion_tokens);
                    if matches!(answer.stop_reason, Some(StopReason::MaxTokens(_))) {
                        return Err(Error::new(
                            ErrorCode::Internal,
                            "the model's answer was cut off; raise reasoning.model.max_tokens",
                        ));
                    }
                    let text = answer.into_first_text().unwrap_or_default();
                    if text.len() > MOST {
                        return Err(Error::new(ErrorCode::TooLarge, format!("the model answered {} bytes", text.len())));
                    }
                    return Ok(text);
                }
                Err(error) => error,
            };
            let status = error.status().map(|s| s.as_u16());
            let passes = status.is_none_or(|s| s == 429 || s >= 500);
            if !passes || attempt == ATTEMPTS {
                let said = status.map_or_else(|| "no usable answer".to_owned(), |s| format!("status {s}"));
                tracing::debug!(error = %error, "the model failed");
                return Err(Error::new(ErrorCode::Unavailable, format!("the model failed: {said}")));
            }
            let asked = error
                .headers()
                .and_then(|h| h.get("retry-after"))
                .and_then(|v| v.to_str().ok())
                .and_then(|v| v.trim().parse::<f64>().ok());
            let wait = asked.filter(|s| s.is_finite() && *s >= 0.0).map_or(pause, |s| Duration::from_secs_f64(s.min(3600.0)));
            if wait >= left()? {
                return Err(Error::new(ErrorCode::Unavailable, "the model is overloaded for longer than a report may wait"));
            }
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        Err(late())
    }
}
