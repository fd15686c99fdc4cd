//! Sends local files to a server: small ones in the request, larger ones as uploads, folders as a list of uploads.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use deepfix_api::{analysis::UploadArtifactRequest, artifact};
use deepfix_errors::{Error, ErrorCode};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use deepfix_standalone::{files_of, list_of_uploads};
use tokio::io::AsyncReadExt;

use crate::connect::Gateway;

/// Files up to this size travel in the request.
const INLINE: u64 = 64 << 10;
const PIECE: usize = 1 << 20;

/// Artifacts that could not be sent, each with the reason.
pub(crate) type Lost = Vec<(ArtifactKind, String)>;

/// Why one was not sent: its own fault, which leaves a gap, or the server's, which ends the request.
enum Unsent {
    Lost(String),
    Failed(Error),
}

/// Sends what is here. One that cannot be read, or that the server refuses, is named with the reason.
pub(crate) async fn upload(gateway: &mut Gateway, artifacts: Vec<Artifact>) -> Result<(Vec<artifact::Artifact>, Lost), Error> {
    let (mut out, mut lost) = (Vec::new(), Vec::new());
    for mut artifact in artifacts {
        match &artifact.source {
            // The server fetches it, if it may.
            ArtifactSource::Uri(uri) if !deepfix_standalone::is_remote(uri) => {
                let path = PathBuf::from(uri.trim_start_matches("file://"));
                match send(gateway, &artifact, &path).await {
                    Ok(source) => artifact.source = source,
                    Err(Unsent::Lost(why)) => {
                        lost.push((artifact.kind, why));
                        continue;
                    }
                    Err(Unsent::Failed(error)) => return Err(error),
                }
            }
            _ => {}
        }
        out.push(artifact.into());
    }
    Ok((out, lost))
}

async fn send(gateway: &mut Gateway, artifact: &Artifact, path: &Path) -> Result<ArtifactSource, Unsent> {
    if artifact.kind.may_be_many()
        && let Some(files) = files_of(path).map_err(|error| Unsent::Lost(error.to_string()))?
    {
        let mut uploads = Vec::with_capacity(files.len());
        for (name, file) in files {
            uploads.push((name.clone(), send_file(gateway, &name, &file).await?));
        }
        return Ok(ArtifactSource::Inline(list_of_uploads(&uploads).into()));
    }
    let unreadable = |error: std::io::Error| Unsent::Lost(format!("cannot read {}: {error}", path.display()));
    let meta = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if meta.is_dir() {
        return Err(Unsent::Lost(format!("{} is a folder; this kind of artifact is a single file", path.display())));
    }
    if meta.len() <= INLINE {
        return Ok(ArtifactSource::Inline(tokio::fs::read(path).await.map_err(unreadable)?.into()));
    }
    Ok(ArtifactSource::Uri(send_file(gateway, &artifact.file_name, path).await?))
}

/// Uploads a file and answers its address.
async fn send_file(gateway: &mut Gateway, name: &str, path: &Path) -> Result<String, Unsent> {
    let unreadable = |error: std::io::Error| Unsent::Lost(format!("cannot read {}: {error}", path.display()));
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let mut file_name = name.to_owned();
    let reading = async move {
        loop {
            let mut piece = vec![0; PIECE];
            let n = file.read(&mut piece).await?;
            piece.truncate(n);
            let request = UploadArtifactRequest { file_name: std::mem::take(&mut file_name), chunk: Bytes::from(piece) };
            if n == 0 || sender.send(request).await.is_err() {
                return Ok::<_, std::io::Error>(());
            }
        }
    };
    let sending = gateway.upload_artifact(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let (read, sent) = tokio::join!(reading, sending);
    read.map_err(unreadable)?;
    match sent.map_err(|status| Error::from_status(&status)) {
        Ok(stored) => Ok(stored.into_inner().uri),
        Err(error) if matches!(error.code, ErrorCode::TooLarge | ErrorCode::Unsupported | ErrorCode::InvalidArgument) => {
            Err(Unsent::Lost(error.to_string()))
        }
        Err(error) => Err(Unsent::Failed(error)),
    }
}
