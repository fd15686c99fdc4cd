//! Whole reports.

use std::collections::HashMap;

use deepfix_model::{Evidence, Finding, Note, Report, WordedBy};

use crate::{Language, said::is_said};

/// Bytes of different sentences looked up for one report; what strangers make longer stays English. A hostile one costs
/// up to 20 us a byte.
const ROOM: usize = 1 << 20;

/// Says what was said before only once: thousands of findings share a few hundred sentences.
struct Speaker {
    language: Language,
    known: HashMap<String, Option<String>>,
    room: usize,
    /// Sentences left in English.
    left: usize,
}

impl Speaker {
    fn say(&mut self, text: &mut String) {
        if text.is_empty() {
            return;
        }
        let (language, room) = (self.language, &mut self.room);
        let look_up = || {
            *room = room.checked_sub(text.len())?;
            language.known(text)
        };
        match self.known.entry(text.clone()).or_insert_with(look_up) {
            Some(said) => said.clone_into(text),
            None => self.left += usize::from(is_said(text)),
        }
    }

    fn each<'a>(&mut self, texts: impl IntoIterator<Item = &'a mut String>) {
        texts.into_iter().for_each(|text| self.say(text));
    }

    fn evidence(&mut self, evidence: &mut Evidence) {
        // The unit is a term that programs go by; renderers say it.
        self.say(&mut evidence.method);
        // A place may quote what other tools wrote.
        let left = self.left;
        self.say(&mut evidence.source);
        self.left = left;
    }

    fn finding(&mut self, finding: &mut Finding) {
        let left = self.left;
        self.say(&mut finding.title);
        finding.evidence.iter_mut().for_each(|e| self.evidence(e));
        let advice = &mut finding.recommendation;
        self.each([&mut advice.action, &mut advice.rationale]);
        self.each(&mut advice.steps);
        // A word of the contract, not a sentence.
        if advice.expected_impact != "unknown" {
            self.say(&mut advice.expected_impact);
        }
        // What other tools found is told in their own words too.
        if finding.agent == "checks" {
            self.left = left;
        }
    }

    fn report(&mut self, report: &mut Report) {
        report.findings.iter_mut().for_each(|finding| self.finding(finding));
        self.each(report.notes.iter_mut().map(|note| &mut note.text));
        for part in &mut report.readiness.parts {
            self.say(&mut part.why);
        }
        if let Some(retraining) = &mut report.retraining {
            self.say(&mut retraining.rationale);
            self.each(&mut retraining.plan);
        }
        self.each(report.agents.iter_mut().filter_map(|agent| agent.reason.as_mut()));
        self.each(report.checked.iter_mut().filter_map(|checked| checked.not_checked.as_mut()));
        for chart in &mut report.charts {
            self.each([&mut chart.title, &mut chart.x_label, &mut chart.y_label]);
            self.each(chart.series.iter_mut().map(|series| &mut series.name));
            self.each(chart.marks.iter_mut().map(|mark| &mut mark.label));
        }
        // What a model worded is in the language already, or was left as it was.
        let left = self.left;
        self.say(&mut report.summary);
        for cause in &mut report.root_causes {
            self.say(&mut cause.text);
            self.each(cause.would_decide.as_mut());
        }
        for step in &mut report.plan {
            self.each([&mut step.action, &mut step.risk]);
            self.each(&mut step.verify);
            self.each(step.why_after.as_mut());
            if step.expected_impact != "unknown" {
                self.say(&mut step.expected_impact);
            }
        }
        if report.wording.by == WordedBy::Model {
            self.left = left;
        }
    }
}

/// Says a finding in a language; names, codes, measures and numbers stay as they are.
pub fn say_finding(finding: &mut Finding, language: Language) {
    if language != Language::English {
        Speaker { language, known: HashMap::new(), room: ROOM, left: 0 }.finding(finding);
    }
}

/// Says a report in a language, names it there, and counts in a note what had to stay English.
pub fn say_report(report: &mut Report, language: Language) {
    if language == Language::English {
        return;
    }
    let mut speaker = Speaker { language, known: HashMap::new(), room: ROOM, left: 0 };
    speaker.report(report);
    language.name().clone_into(&mut report.wording.language);
    if speaker.left > 0 {
        let mut text = format!("{} sentences have no form in this language and stay English", speaker.left);
        speaker.say(&mut text);
        report.notes.push(Note::new("language", "report", text));
        report.notes.sort();
    }
}
