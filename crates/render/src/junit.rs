//! JUnit XML, so that test reports show what was looked for: one case per fault code, failed when
//! the fault was found, skipped when it could not be told.

use std::fmt::Write;

use deepfix_model::{Finding, Report};

use crate::text::{fact, language};

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            // XML 1.0 has no place for other control characters.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

pub(crate) fn suite(report: &Report) -> String {
    let l = language(report);
    let mut cases = String::new();
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    let mut case = |class: &str, name: &str, found: &[&Finding], why_not: Option<&str>| {
        tests += 1;
        let _ = write!(cases, "    <testcase classname=\"deepfix.{}\" name=\"{}\"", escaped(class), escaped(name));
        if !found.is_empty() {
            failures += 1;
            cases.push_str(">\n");
            let text: Vec<String> = found
                .iter()
                .map(|f| {
                    let facts: Vec<String> = f.evidence.iter().map(|e| fact(e, l)).collect();
                    format!(
                        "{} [{}]: {}\n{} {}",
                        f.title,
                        l.say(f.severity.name()),
                        facts.join("; "),
                        l.say("fix:"),
                        f.recommendation.action
                    )
                })
                .collect();
            let _ = writeln!(
                cases,
                "      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
                found[0].severity.name(),
                escaped(&found[0].title),
                escaped(&text.join("\n\n"))
            );
        } else if let Some(why) = why_not {
            skipped += 1;
            let _ = writeln!(cases, "><skipped message=\"{}\"/></testcase>", escaped(why));
        } else {
            cases.push_str("/>\n");
        }
    };
    for checked in &report.checked {
        let found: Vec<&Finding> =
            report.findings.iter().filter(|f| f.code == checked.code && f.agent == checked.agent).collect();
        case(&checked.agent, &checked.code, &found, checked.not_checked.as_deref());
    }
    // Findings of codes that no list announced, such as a file that cannot be read.
    for finding in &report.findings {
        if !report.checked.iter().any(|c| c.code == finding.code && c.agent == finding.agent) {
            case(&finding.agent, &finding.code, &[finding], None);
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"deepfix\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">\n{cases}  </testsuite>\n</testsuites>\n"
    )
}
