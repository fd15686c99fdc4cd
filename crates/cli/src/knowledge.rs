//! `deepfix explain` and `deepfix kb search`.

use std::io::IsTerminal;

use deepfix_api::knowledge::{GetDocumentRequest, SearchRequest};
use deepfix_errors::Error;
use deepfix_render::{Terminal, terminal_page};

use crate::{
    Outcome,
    analyze::width,
    args::{KbArgs, KbCommand},
    connect,
};

fn settings() -> Terminal {
    let stdout = std::io::stdout();
    Terminal { width: width(stdout.is_terminal()), colour: anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never }
}

/// A year behind a title; many pages of documentation state none.
fn year(year: u32) -> String {
    if year == 0 { String::new() } else { format!(" ({year})") }
}

pub(crate) async fn explain(code: &str) -> Outcome {
    let mut kb = connect::knowledge(&deepfix_standalone::load(None)?)?;
    let request = GetDocumentRequest { page_id: code.trim().to_lowercase().replace('-', "_") };
    let page = kb.get_document(request).await.map_err(|status| Error::from_status(&status))?.into_inner();
    let sources: Vec<String> =
        page.sources.iter().map(|s| format!("{}{}, {}: {}", s.title, year(s.year), s.locator, s.url)).collect();
    anstream::print!("{}", terminal_page(&format!("{} – {}", page.page_id, page.title), &page.markdown, &sources, settings()));
    Ok(0)
}

pub(crate) async fn kb(args: &KbArgs) -> Outcome {
    let KbCommand::Search { query, limit, fault_code, theme, task, namespace, json } = &args.command;
    let mut kb = connect::knowledge(&deepfix_standalone::load(None)?)?;
    let request = SearchRequest {
        query: query.join(" "),
        limit: *limit,
        fault_code: fault_code.clone(),
        theme: theme.clone(),
        task: task.clone(),
        namespace: namespace.clone(),
    };
    let answer = kb.search(request).await.map_err(|status| Error::from_status(&status))?.into_inner();
    if *json {
        let hits: Vec<serde_json::Value> = answer
            .hits
            .iter()
            .map(|h| serde_json::json!({ "rank": h.rank, "page_id": h.page_id, "title": h.title, "theme": h.theme, "score": h.score, "confidence": h.confidence, "text": h.text,
                "sources": h.sources.iter().map(|s| serde_json::json!({ "title": s.title, "url": s.url, "year": s.year, "locator": s.locator })).collect::<Vec<_>>() }))
            .collect();
        anstream::println!("{:#}", serde_json::json!({ "known": answer.known, "hits": hits }));
        return Ok(0);
    }
    if !answer.known {
        anstream::println!("nothing relevant is known about that");
    }
    for hit in answer.hits {
        let text: String = hit.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(240).collect();
        let source =
            hit.sources.first().map(|s| format!("\n   source: {}{} {}", s.title, year(s.year), s.url)).unwrap_or_default();
        anstream::println!("{}. {} – {}\n   {text} …{source}\n", hit.rank, hit.page_id, hit.title);
    }
    Ok(0)
}
