use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Resource};

use super::*;

/// The texts and variables of a pattern, variants of a selector among them.
fn read(pattern: &Pattern<&str>, texts: &mut String, variables: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => {
                texts.push_str(value);
                texts.push(' ');
            }
            PatternElement::Placeable { expression: Expression::Inline(InlineExpression::VariableReference { id }) } => {
                variables.insert(id.name.to_owned());
            }
            PatternElement::Placeable { expression: Expression::Select { selector, variants } } => {
                if let InlineExpression::VariableReference { id } = selector {
                    variables.insert(id.name.to_owned());
                }
                variants.iter().for_each(|variant| read(&variant.value, texts, variables));
            }
            PatternElement::Placeable { .. } => {}
        }
    }
}

/// Numbers, whatever parts their thousands.
fn figures(text: &str) -> BTreeSet<String> {
    let text: String = text.chars().filter(|c| !matches!(c, ',' | '\u{202f}')).collect();
    text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map(|n| n.trim_matches('.').to_owned())
        .filter(|n| !n.is_empty())
        .collect()
}

fn messages(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let Resource { body } = fluent_syntax::parser::parse(text).unwrap_or_else(|(_, errors)| panic!("{errors:?}"));
    let mut out = BTreeMap::new();
    for entry in body {
        let Entry::Message(message) = entry else { continue };
        let (mut texts, mut variables) = (String::new(), BTreeSet::new());
        read(message.value.as_ref().expect("every message says something"), &mut texts, &mut variables);
        assert!(out.insert(message.id.name.to_owned(), (texts, variables)).is_none(), "{} is there twice", message.id.name);
    }
    out
}

#[test]
fn every_english_message_has_its_french_with_the_same_values_and_figures() {
    let mut faults = Vec::new();
    for (english, french) in ENGLISH.iter().zip(&FRENCH) {
        let (english, french) = (messages(english), messages(french));
        faults.extend(french.keys().filter(|id| !english.contains_key(*id)).map(|id| format!("{id}: no longer English")));
        for (id, (text, variables)) in &english {
            match french.get(id) {
                None => faults.push(format!("{id}: no French")),
                Some((_, said)) if said != variables => faults.push(format!("{id}: other values")),
                // A selector may say a figure that English has in letters or in a variable.
                Some((said, _)) if !figures(text).is_subset(&figures(said)) => faults.push(format!("{id}: other figures")),
                Some(_) => {}
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_english_form_is_known_and_said() {
    for text in ENGLISH {
        for id in messages(text).keys() {
            let pattern = fluent_syntax::parser::parse(text).expect("parsed above");
            let Some(Entry::Message(message)) =
                pattern.body.iter().find(|e| matches!(e, Entry::Message(m) if m.id.name == id.as_str()))
            else {
                unreachable!("its id was read from it")
            };
            assert!(form::Form::new(0, true, id, message.value.as_ref().expect("read above")).is_some(), "{id} is no plain form");
        }
    }
}

#[test]
fn names_are_copied_and_phrases_are_said() {
    let french = Language::French;
    assert_eq!(
        french.say("column `a, b and rows` holds 3 infinite values"),
        french.say("column `x` holds 3 infinite values").replace("`x`", "`a, b and rows`")
    );
    let said = french.say("the learning rate is likely too high: the run swings");
    assert!(!said.contains("swings") && said.contains("taux d'apprentissage"), "{said}");
    // Several sentences, one of them nobody's.
    let said = french.say("Nothing could be looked at. Quoth the raven, nevermore.");
    assert!(said.ends_with(" Quoth the raven, nevermore.") && !said.starts_with("Nothing"), "{said}");
    // Titles of one form in a list, and what joins them.
    let said =
        french.say("2 findings: 2 high. Most harmful: column `a` is 5 % missing; column `b` is 6 % missing. Not looked at: dataset (is late).");
    assert!(!said.contains("column") && !said.contains("missing") && said.contains("dataset (is late)"), "{said}");
    let said = french.say("2 findings: 2 medium. Most harmful: `eval_loss` swings; each step learns from 1 row. Each step sees too few rows to know its direction: each step learns from 1 row.");
    assert!(!said.contains("step"), "{said}");
    assert_eq!(Language::English.say("rows"), "rows");
}

#[test]
fn languages_are_known_by_name_code_and_tag() {
    for name in ["fr", "FR", "fr-CA", "French", "français", " fr_FR "] {
        assert_eq!(Language::of(name), Some(Language::French), "{name}");
    }
    assert_eq!(Language::of(""), Some(Language::English));
    assert_eq!(Language::of("de"), None);
}

#[test]
fn hostile_texts_come_back_in_time() {
    let long = "a of b rows ".repeat(1500);
    let nested = "(".repeat(5000) + &", and ".repeat(2000);
    let sentences = [
        "a of b rows; x is missing in c of train's rows, and z (d) more: ",
        "column `x` is y missing; ",
        "needs needs of of rows rows. ",
        "1 finding: 2 high. Most harmful: a; b. Not looked at: c. ",
        "Each step sees too few rows to know its direction: Each step sees too few rows to know its direction: ",
        "Nothing could be looked at; ",
    ]
    .map(|text| text.repeat(6_000 / text.len()));
    for text in [long.as_str(), &nested, "`", "``` and `", &"\u{a0}; ".repeat(4000)]
        .into_iter()
        .chain(sentences.iter().map(String::as_str))
    {
        let _ = Language::French.say(text);
    }
}
