//! What a knowledge page must be. A page that fails here is not worth having.

use std::collections::{HashMap, HashSet};

use deepfix_kb::{Page, embedded_pages};

fn pages() -> Vec<Page> {
    embedded_pages().expect("every page reads")
}

const THEMES: [&str; 7] = ["data", "training", "checks", "checkpoint", "artifacts", "root-causes", "practice"];
const SECTIONS: [&str; 4] = ["What shows it", "How to confirm it", "How to fix it", "When it is not a fault"];
/// Pages of practice are about no code.
const PRACTICE: [&str; 5] = ["When it applies", "How to confirm it", "What to do", "What it costs", "How to know it worked"];

#[test]
fn every_page_has_its_form() {
    for page in pages() {
        assert!(THEMES.contains(&page.theme.as_str()), "{}: theme {}", page.id, page.theme);
        let practice = page.theme == "practice";
        assert!(
            practice && page.fault_codes.is_empty() || page.fault_codes.contains(&page.id),
            "{} is not about its own code",
            page.id
        );
        assert!(!page.tasks.is_empty() && page.title.len() <= 80, "{}", page.id);
        let headings: Vec<&str> = page.passages.iter().map(|p| p.heading.as_str()).collect();
        let sections = if practice { &PRACTICE[..] } else { &SECTIONS };
        for &section in sections {
            assert!(headings.contains(&section), "{} lacks the section {section:?}", page.id);
        }
        assert!(headings[0].is_empty(), "{} does not open with what is wrong", page.id);
    }
}

#[test]
fn every_page_says_how_to_confirm_the_fault() {
    for page in pages() {
        let confirm = page.passages.iter().find(|p| p.heading == "How to confirm it").expect("tested above");
        let steps = confirm.text.lines().filter(|l| l.trim_start().starts_with(|c: char| c.is_ascii_digit())).count();
        assert!(steps >= 2, "{} has {steps} steps to confirm it", page.id);
    }
}

#[test]
fn every_page_names_a_source_that_was_opened() {
    for page in pages() {
        assert!(!page.sources.is_empty(), "{} names no source", page.id);
        for source in &page.sources {
            let date = source.opened.split('-').filter(|part| part.parse::<u32>().is_ok()).count() == 3;
            assert!(date, "{}: {:?} was never opened", page.id, source.title);
            assert!(
                source.url.starts_with("http") && !source.locator.is_empty() && (source.year == 0 || source.year > 1900),
                "{}: {source:?}",
                page.id
            );
        }
    }
}

#[test]
fn pages_share_no_boilerplate() {
    let mut lines: HashMap<String, String> = HashMap::new();
    let mut runs: HashMap<Vec<String>, String> = HashMap::new();
    for page in pages() {
        let mut own = HashSet::new();
        for line in page.markdown.lines().map(str::trim).filter(|l| l.len() > 60 && !l.contains("http")) {
            if let Some(other) = lines.insert(line.to_owned(), page.id.clone())
                && other != page.id
            {
                panic!("{} and {other} share the line {line:?}", page.id);
            }
        }
        let words: Vec<String> =
            page.markdown.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
        for run in words.windows(12) {
            if own.insert(run.to_vec())
                && let Some(other) = runs.insert(run.to_vec(), page.id.clone())
            {
                panic!("{} and {other} share {:?}", page.id, run.join(" "));
            }
        }
    }
}

#[test]
fn there_are_pages_enough_and_codes_named_in_them_exist() {
    let pages = pages();
    assert!(pages.len() >= 150, "{}", pages.len());
    let codes: HashSet<&str> = pages.iter().flat_map(|p| &p.fault_codes).map(String::as_str).collect();
    for page in pages.iter().filter(|p| p.theme == "practice") {
        let applies = page.passages.iter().find(|p| p.heading == "When it applies").expect("tested above");
        let named = applies
            .text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|n| n.chars().all(|c| c.is_ascii_lowercase() || c == '_') && n.contains('_'));
        for name in named {
            assert!(codes.contains(name), "{} names `{name}`, which is no code", page.id);
        }
    }
}
