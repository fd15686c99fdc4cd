//! `deepfix profile`: a table's columns without its rows, in a small file that later data are compared
//! with, and that is merged from the profiles of parts.

use deepfix_errors::{Error, ErrorCode};
use deepfix_standalone::{LimitsConfig, Profile};

use crate::{Outcome, args::ProfileArgs};

pub(crate) fn profile(args: &ProfileArgs) -> Outcome {
    let limits = LimitsConfig::default();
    let mut merged: Option<Profile> = None;
    for file in &args.files {
        let wrong = |reason: String| Error::new(ErrorCode::InvalidArgument, format!("{}: {reason}", file.display()));
        let parts = deepfix_standalone::open_table(file, limits).map_err(|e| wrong(e.to_string()))?;
        let part = Profile::of_parts(&parts, limits.limits()).map_err(|e| wrong(e.to_string()))?;
        match &mut merged {
            None => merged = Some(part),
            Some(whole) => whole.merge(&part).map_err(|e| wrong(e.to_string()))?,
        }
    }
    let Some(profile) = merged else { return Err(Error::new(ErrorCode::InvalidArgument, "name a table to profile")) };
    let bytes = profile.encode().map_err(|e| Error::new(ErrorCode::Internal, e.to_string()))?;
    let cannot =
        |e: std::io::Error| Error::new(ErrorCode::InvalidArgument, format!("{} cannot be written: {e}", args.output.display()));
    std::fs::write(&args.output, &bytes).map_err(cannot)?;
    let (rows, columns) = profile.shape();
    anstream::eprintln!("{rows} rows, {columns} columns in {} bytes: {}", bytes.len(), args.output.display());
    Ok(0)
}
