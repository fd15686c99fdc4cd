//! SARIF 2.1.0 (OASIS), so that code scanners show findings beside the code.

use std::collections::BTreeMap;

use deepfix_model::{Report, Severity};
use serde_json::{Value, json};

use crate::text::{fact, language};

pub(crate) fn log(report: &Report) -> String {
    let l = language(report);
    let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
    for finding in &report.findings {
        rules.entry(&finding.code).or_insert_with(|| {
            let help = finding.recommendation.citations.iter().map(|c| c.url.clone()).find(|url| !url.is_empty());
            let mut rule = json!({ "id": finding.code, "shortDescription": { "text": finding.code.replace('_', " ") } });
            if let Some(url) = help {
                rule["helpUri"] = url.into();
            }
            rule
        });
    }
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let level = match finding.severity {
                Severity::High => "error",
                Severity::Medium => "warning",
                Severity::Low => "note",
            };
            let facts: Vec<String> = finding.evidence.iter().map(|e| fact(e, l)).collect();
            let fix = l.say("Fix:");
            let text = format!("{}. {}. {fix} {}.", finding.title, facts.join("; "), finding.recommendation.action);
            json!({
                "ruleId": finding.code,
                "level": level,
                "message": { "text": text },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": finding.artifact } },
                    "logicalLocations": [{ "fullyQualifiedName": finding.subject }]
                }],
                "partialFingerprints": { "deepfixFindingId/v1": finding.id },
                "properties": { "confidence": finding.confidence }
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "DeepFix", "version": env!("CARGO_PKG_VERSION"), "rules": rules.into_values().collect::<Vec<_>>() } },
            "results": results
        }]
    });
    format!("{log:#}\n")
}
