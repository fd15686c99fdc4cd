//! `deepfix ask`: a question about a report, answered from that report alone.

use std::io::Read;

use deepfix_api::reasoning::AskRequest;
use deepfix_errors::Error;
use deepfix_model::Report;

use crate::{Outcome, args::AskArgs, connect};

/// Largest report that is read.
const MOST: u64 = 256 << 20;

pub(crate) async fn ask(args: &AskArgs) -> Outcome {
    let shown = args.report.display();
    let mut bytes = Vec::new();
    let read = if args.report.as_os_str() == "-" {
        std::io::stdin().take(MOST).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(&args.report).and_then(|file| file.take(MOST).read_to_end(&mut bytes))
    };
    read.map_err(|error| Error::field("REPORT", format!("cannot read {shown}: {error}")))?;
    let report: Report = serde_json::from_slice(&bytes)
        .map_err(|error| Error::field("REPORT", format!("{shown} is no report of `deepfix analyze --format json`: {error}")))?;
    let mut reasoning = connect::reasoning(&deepfix_standalone::load(args.config.as_deref())?)?;
    let request = AskRequest { report: Some(report.into()), question: args.question.join(" ") };
    let answer = reasoning.ask(request).await.map_err(|status| Error::from_status(&status))?.into_inner();
    anstream::println!("{}", answer.answer);
    Ok(0)
}
