//! Brings artifacts that lie elsewhere into the upload store before agents are asked for them.

use std::collections::BTreeMap;

use deepfix_errors::{Error, ErrorCode};
use deepfix_model::{Artifact, ArtifactSource};
use deepfix_rpc::Deadline;
use deepfix_source::{is_remote, names_several};
use futures::future::join_all;

use crate::Gateway;

/// Artifacts that could not be brought in, by kind, with the reason.
pub(crate) type Lost = BTreeMap<String, String>;

/// Puts the store's addresses in place of remote ones. One that cannot be had is left as it is, so
/// that its agent names the gap; the reason goes with it.
pub(crate) async fn bring_in(gateway: &Gateway, artifacts: &mut [Artifact], deadline: Deadline) -> Lost {
    let brought = artifacts.iter_mut().map(|artifact| async move {
        let ArtifactSource::Uri(uri) = &artifact.source else { return None };
        if !is_remote(uri) {
            return None;
        }
        if names_several(uri) && !artifact.kind.may_be_many() {
            return Some((artifact.kind.name().to_owned(), format!("{uri} names several files; this kind of artifact is one")));
        }
        let fetched = match &gateway.store {
            Some(store) => deadline.run("the artifact's server", async { Ok(gateway.remote.fetch(uri, store).await) }).await,
            None => Ok(Err(Error::new(
                ErrorCode::InvalidArgument,
                "uploads are switched off here, so nothing can be fetched (store.path)",
            ))),
        };
        match fetched.and_then(|fetched| fetched) {
            Ok(stored) => {
                if artifact.file_name.is_empty() {
                    artifact.file_name = name_of(uri);
                }
                artifact.source = ArtifactSource::Uri(stored.uri);
                None
            }
            Err(error) => Some((artifact.kind.name().to_owned(), error.message)),
        }
    });
    join_all(brought).await.into_iter().flatten().collect()
}

/// The last part of an address, without its query.
fn name_of(uri: &str) -> String {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
