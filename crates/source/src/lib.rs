//! Where artifact bytes come from: inline, an allowed local folder, or the upload store.
//!
//! The gateway writes uploads; agents read them by the address the gateway hands on. The store is
//! a folder here; its layout (one immutable object per upload, named by its random id) is that of
//! an object store, so that S3 and its kin can take its place.

mod bucket;
mod config;
mod manifest;
pub mod mlflow;
mod parts;
mod reader;
mod remote;
mod store;

/// The parts of `object_store` that are used with [`Store::objects`].
pub mod objects {
    pub use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, memory::InMemory, path::Path};
}

pub use config::{LimitsConfig, SourceConfig, StoreConfig};
pub use manifest::list as list_of_uploads;
pub use parts::{Part, files_of, open_table};
pub use reader::{Opened, Reader, SourceError};
pub use remote::{Remote, is_remote, names_several};
pub use store::{Store, Stored, Upload};
