//! The pages under `knowledge/` as a searchable index: what a fault code means, how to confirm and
//! mend it, and the public sources it rests on. The gateway asks it for the pages of findings, and
//! people ask it questions. It calls nobody and holds no state but its index.

mod config;
mod folder;
mod index;
mod library;
mod page;
mod service;

pub use config::KbConfig;
use deepfix_rpc::Module;
use include_dir::{Dir, include_dir};
pub use page::{Page, PageError, Source};

/// Name of the service.
pub const SERVICE: &str = "kb";

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../knowledge");

/// The pages compiled into the binary, by id.
///
/// # Errors
/// When one cannot be read; a test refuses such a page before it is built in.
pub fn embedded_pages() -> Result<Vec<Page>, PageError> {
    let mut pages = Vec::new();
    for file in EMBEDDED.files().filter(|f| f.path().extension().is_some_and(|e| e == "md")) {
        pages.push(Page::parse(&file.path().display().to_string(), &String::from_utf8_lossy(file.contents()))?);
    }
    pages.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(pages)
}

/// The service over the embedded pages, and those of the configured folder in place of or beside them.
///
/// # Errors
/// When a page cannot be read.
pub fn build(config: &KbConfig) -> Result<Module, PageError> {
    Ok(service::module(library::Library::open(config)?, config.writable))
}
