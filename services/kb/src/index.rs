//! BM25 over passages (Robertson and Zaragoza 2009), as tantivy computes it, and how much of a
//! question a page covers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use tantivy::{
    Index, IndexReader, Order, ReloadPolicy, TantivyDocument, Term,
    collector::{
        TopDocs,
        sort_key::{SortBySimilarityScore, SortByStaticFastValue},
    },
    query::{BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, Query, TermQuery, TermSetQuery},
    schema::{FAST, Field, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer},
};

use crate::Page;

const TOKENIZER: &str = "kb_en";
/// Terms of a question that count; more is no question.
const MAX_TERMS: usize = 64;
/// Share of a question's information that the best page must cover to be called known.
const KNOWN: f64 = 0.35;

/// Most passages of a page that is also looked at as a whole.
const WHOLE: usize = 20;
// Weights are our choice, by the half of the questions of `bench/retrieval` that may be looked at.

/// Weight of a word that means the same as one of the question.
const SYNONYM: f32 = 0.5;
/// Share of the lesser fields that adds to the best one.
const TIE: f32 = 0.3;

/// Words that mean the same, as the index spells them: each word with the others of its lines.
fn synonyms() -> &'static HashMap<String, Vec<String>> {
    static TABLE: OnceLock<HashMap<String, Vec<String>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: HashMap<String, Vec<String>> = HashMap::new();
        for line in include_str!("../synonyms.txt").lines().filter(|l| !l.starts_with('#')) {
            let mut words = line.split_whitespace();
            let Some(word) = words.next().and_then(|w| tokens(w).pop()) else { continue };
            let others = table.entry(word.clone()).or_default();
            for other in words.flat_map(|w| tokens(&w.replace('+', " "))) {
                if other != word && !others.contains(&other) {
                    others.push(other);
                }
            }
        }
        table
    })
}

/// Words of everyday English, as the index spells them.
fn everyday() -> &'static HashSet<String> {
    static WORDS: OnceLock<HashSet<String>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let words = include_str!("../everyday.txt").lines().filter(|l| !l.starts_with('#'));
        words.flat_map(tokens).collect()
    })
}

// A word of everyday tells what a question is about where it is commoner on these pages than in English at large: it
// stands on about one page in twenty-three by chance (we take once in 16,000 words for it, and 700 for a page). Weights are our choice, by
// the half of the questions of `bench/retrieval` that may be looked at and those of `elsewhere.tsv`.

/// Share of pages on which a word of everyday stands by chance.
const BY_CHANCE: f64 = 0.043;
/// Weight of each factor e beyond chance, and the least that it comes to.
const BEYOND: f64 = 0.3;
const LEAST: f64 = 0.05;
/// What a word tells that no page has, in nats, and one of everyday.
const UNKNOWN: f64 = 3.5;
const UNKNOWN_EVERYDAY: f64 = 1.0;
/// Pages of which one must be known for the question to be.
const BREADTH: usize = 50;

/// Information, in nats, of shared words from which a page is known to have something to say.
const ENOUGH: f64 = 8.0;

/// A question with names such as `DistributedDataParallel` also taken apart into their words.
fn apart(question: &str) -> String {
    let mut out = question.to_owned();
    for word in question.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 5) {
        let inner = word.char_indices().skip(1).filter(|(i, c)| c.is_uppercase() && word[..*i].ends_with(char::is_lowercase));
        let cuts: Vec<usize> = inner.map(|(i, _)| i).collect();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([word.len()]).filter(|_| !cuts.is_empty()) {
            out.push(' ');
            out.push_str(&word[from..cut]);
            from = cut;
        }
    }
    out
}

/// Words that carry no information in a question.
const STOP: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does", "for", "from", "has", "have", "how", "i", "if",
    "in", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or", "our", "so", "than", "that", "the", "their", "then",
    "there", "these", "they", "this", "to", "was", "we", "what", "when", "which", "who", "whose", "why", "will", "with", "you",
    "your", "am", "also", "any", "been", "could", "did", "during", "get", "gets", "getting", "got", "help", "just", "like",
    "please", "should", "some", "still", "too", "try", "trying", "use", "used", "using", "very", "want", "were", "while",
    "would",
];

/// Which pages may answer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Filter {
    pub(crate) fault_code: String,
    pub(crate) theme: String,
    pub(crate) task: String,
    /// A team, whose own pages may answer beside those of all.
    pub(crate) namespace: String,
}

/// Namespace of the pages of all, in the index.
const SHARED: &str = "-";

/// A page found, with its best passage.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) page: Arc<Page>,
    /// Index of the passage in the page.
    pub(crate) passage: usize,
    pub(crate) score: f64,
    /// Share of the question's information that the page covers.
    pub(crate) confidence: f64,
    pub(crate) highlights: Vec<(usize, usize)>,
}

/// The pages, and their index once somebody asks a question.
#[derive(Debug)]
pub(crate) struct Knowledge {
    pages: BTreeMap<String, Arc<Page>>,
    by_code: HashMap<String, Arc<Page>>,
    /// Pages of teams by code and namespace.
    of_teams: HashMap<(String, String), Vec<Arc<Page>>>,
    search: OnceLock<Option<Searcher>>,
}

struct Searcher {
    reader: IndexReader,
    fields: Fields,
    /// Each passage's page and its place there.
    passages: Vec<(Arc<Page>, usize)>,
    /// Number of each term, and in how many pages it occurs.
    vocabulary: HashMap<String, (u32, usize)>,
    /// Numbers of each page's terms, in order.
    terms: HashMap<String, Vec<u32>>,
    /// Whether there are pages of teams.
    teams: bool,
}

impl std::fmt::Debug for Searcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Searcher({} pages)", self.terms.len())
    }
}

#[derive(Debug, Clone, Copy)]
struct Fields {
    /// Place among all passages, in the order of their pages' ids.
    number: Field,
    title: Field,
    heading: Field,
    body: Field,
    /// How people ask for the page.
    asked: Field,
    /// The whole page, beside each of its passages: words of a question may stand in several.
    whole: Field,
    namespace: Field,
    code: Field,
    theme: Field,
    task: Field,
}

impl Knowledge {
    pub(crate) fn new(pages: Vec<Page>) -> Self {
        let pages: BTreeMap<String, Arc<Page>> = pages.into_iter().map(|p| (p.id.clone(), Arc::new(p))).collect();
        let (mut by_code, mut of_teams) = (HashMap::new(), HashMap::<(String, String), Vec<Arc<Page>>>::new());
        for page in pages.values() {
            if !page.namespace.is_empty() {
                for code in &page.fault_codes {
                    of_teams.entry((code.clone(), page.namespace.clone())).or_default().push(page.clone());
                }
                continue;
            }
            for code in &page.fault_codes {
                // The page that bears a code's name is its own.
                if page.id == *code || !by_code.contains_key(code) {
                    by_code.insert(code.clone(), page.clone());
                }
            }
        }
        Self { pages, by_code, of_teams, search: OnceLock::new() }
    }

    pub(crate) fn pages(&self) -> impl Iterator<Item = &Arc<Page>> {
        self.pages.values()
    }

    pub(crate) fn page(&self, id: &str) -> Option<&Arc<Page>> {
        self.pages.get(id)
    }

    /// A team's own pages about a code.
    pub(crate) fn of_team(&self, code: &str, namespace: &str) -> impl Iterator<Item = &Arc<Page>> {
        self.of_teams.get(&(code.to_owned(), namespace.to_owned())).into_iter().flatten()
    }

    pub(crate) fn by_code(&self, code: &str) -> Option<&Arc<Page>> {
        self.by_code.get(code)
    }

    /// Distinct pages for a question, best first; nothing when nothing relevant is known.
    pub(crate) fn search(&self, question: &str, filter: &Filter, limit: usize) -> Vec<Found> {
        let searcher = self.search.get_or_init(|| match Searcher::new(&self.pages) {
            Ok(searcher) => Some(searcher),
            Err(error) => {
                tracing::error!(%error, "the knowledge index could not be built");
                None
            }
        });
        let Some(searcher) = searcher else { return Vec::new() };
        match searcher.search(question, filter, limit) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "a knowledge search failed");
                Vec::new()
            }
        }
    }
}

fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(80))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .filter(Stemmer::new(Language::English))
        .build()
}

fn tokens(text: &str) -> Vec<String> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut out = Vec::new();
    while stream.advance() {
        out.push(stream.token().text.clone());
    }
    out
}

impl Searcher {
    fn new(pages: &BTreeMap<String, Arc<Page>>) -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let text = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqsAndPositions),
        );
        let fields = Fields {
            number: schema.add_u64_field("number", FAST),
            title: schema.add_text_field("title", text.clone()),
            heading: schema.add_text_field("heading", text.clone()),
            body: schema.add_text_field("body", text.clone()),
            asked: schema.add_text_field("asked", text.clone()),
            whole: schema.add_text_field("whole", text),
            namespace: schema.add_text_field("namespace", STRING),
            code: schema.add_text_field("code", STRING),
            theme: schema.add_text_field("theme", STRING),
            task: schema.add_text_field("task", STRING),
        };
        let index = Index::create_in_ram(schema.build());
        index.tokenizers().register(TOKENIZER, analyzer());
        let mut writer = index.writer_with_num_threads(1, 20_000_000)?;
        let (mut terms, mut vocabulary) = (HashMap::new(), HashMap::<String, (u32, usize)>::new());
        let mut passages = Vec::new();
        for page in pages.values() {
            for (i, passage) in page.passages.iter().enumerate() {
                let mut document = TantivyDocument::default();
                document.add_u64(fields.number, passages.len() as u64);
                passages.push((page.clone(), i));
                document.add_text(fields.namespace, if page.namespace.is_empty() { SHARED } else { &page.namespace });
                document.add_text(fields.theme, &page.theme);
                page.fault_codes.iter().for_each(|code| document.add_text(fields.code, code));
                page.tasks.iter().for_each(|task| document.add_text(fields.task, task));
                document.add_text(fields.title, format!("{} {}", page.title, page.fault_codes.join(" ")));
                document.add_text(fields.heading, &passage.heading);
                document.add_text(fields.body, &passage.text);
                document.add_text(fields.asked, &page.asked);
                // Of a book, the whole beside each passage would be the square of it.
                if page.passages.len() <= WHOLE {
                    document.add_text(fields.whole, &page.markdown);
                }
                writer.add_document(document)?;
            }
            let own: HashSet<String> =
                tokens(&format!("{} {} {} {}", page.title, page.fault_codes.join(" "), page.asked, page.markdown))
                    .into_iter()
                    .collect();
            let mut numbers: Vec<u32> = own
                .into_iter()
                .map(|term| {
                    let next = u32::try_from(vocabulary.len()).unwrap_or(u32::MAX);
                    let (number, pages) = vocabulary.entry(term).or_insert((next, 0));
                    *pages += 1;
                    *number
                })
                .collect();
            numbers.sort_unstable();
            terms.insert(page.id.clone(), numbers);
        }
        // One thread and one commit: BM25's statistics depend on segments.
        writer.commit()?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let teams = pages.values().any(|page| !page.namespace.is_empty());
        Ok(Self { reader, fields, passages, vocabulary, terms, teams })
    }

    /// What a word of a question tells of what is asked, in nats.
    fn information(&self, term: &str) -> f64 {
        let everyday = everyday().contains(term);
        let Some((_, pages)) = self.vocabulary.get(term) else { return if everyday { UNKNOWN_EVERYDAY } else { UNKNOWN } };
        let (n, df) = (self.terms.len() as f64, *pages as f64);
        let rare = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
        if everyday { rare * (BEYOND * (df / n / BY_CHANCE).ln()).clamp(LEAST, 1.0) } else { rare }
    }

    fn search(&self, question: &str, filter: &Filter, limit: usize) -> tantivy::Result<Vec<Found>> {
        let mut terms: Vec<String> = Vec::new();
        let bare: String = apart(question)
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !STOP.contains(&w.to_lowercase().as_str()))
            .collect::<Vec<_>>()
            .join(" ");
        for term in tokens(&bare) {
            if !terms.contains(&term) && terms.len() < MAX_TERMS {
                terms.push(term);
            }
        }
        let total: f64 = terms.iter().map(|t| self.information(t)).sum();
        if terms.is_empty() || total <= 0.0 {
            return Ok(Vec::new());
        }
        let fields = [
            (self.fields.title, 1.5),
            (self.fields.asked, 2.5),
            (self.fields.heading, 1.0),
            (self.fields.body, 1.0),
            (self.fields.whole, 1.0),
        ];
        let same = synonyms();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = terms
            .iter()
            .map(|term| {
                let others = same.get(term).into_iter().flatten().map(|other| (other, SYNONYM));
                let one = std::iter::once((term, 1.0))
                    .chain(others)
                    .flat_map(|(term, weight)| {
                        fields.iter().map(move |(field, boost)| {
                            let term = Term::from_field_text(*field, term);
                            let query = TermQuery::new(term, IndexRecordOption::WithFreqsAndPositions);
                            Box::new(BoostQuery::new(Box::new(query), *boost * weight)) as Box<dyn Query>
                        })
                    })
                    .collect();
                (Occur::Should, Box::new(DisjunctionMaxQuery::with_tie_breaker(one, TIE)) as Box<dyn Query>)
            })
            .collect();
        let mut only = |field: Field, values: &[&str]| {
            let terms = values.iter().map(|value| Term::from_field_text(field, value));
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(TermSetQuery::new(terms)), 0.0))));
        };
        if self.teams {
            let own = if filter.namespace.is_empty() { SHARED } else { &filter.namespace };
            only(self.fields.namespace, &[SHARED, own]);
        }
        if !filter.fault_code.is_empty() {
            only(self.fields.code, &[&filter.fault_code]);
        }
        if !filter.theme.is_empty() {
            only(self.fields.theme, &[&filter.theme]);
        }
        if !filter.task.is_empty() {
            only(self.fields.task, &[&filter.task, "any"]);
        }
        let searcher = self.reader.searcher();
        let query = BooleanQuery::new(clauses);
        let breadth = limit.max(BREADTH);
        let collector = TopDocs::with_limit(breadth * 6 + 20)
            .order_by(((SortBySimilarityScore, Order::Desc), (SortByStaticFastValue::<u64>::for_field("number"), Order::Asc)));
        let mut out: Vec<Found> = Vec::new();
        for ((score, number), _) in searcher.search(&query, &collector)? {
            let passage = number.and_then(|number| self.passages.get(usize::try_from(number).ok()?));
            let Some((page, passage)) = passage else { continue };
            if score <= 0.0 || out.iter().any(|f| f.page.id == page.id) {
                continue;
            }
            let own = &self.terms[&page.id];
            let holds = |t: &String| self.vocabulary.get(t).is_some_and(|(number, _)| own.binary_search(number).is_ok());
            let means = |t: &String| holds(t) || same.get(t).into_iter().flatten().any(holds);
            let shared: Vec<&String> = terms.iter().filter(|t| means(t)).collect();
            // One word in common out of three and more is a coincidence.
            let covered: f64 = if shared.len() * 3 > terms.len() || shared.len() >= 3 {
                shared.iter().map(|t| self.information(t)).sum()
            } else {
                0.0
            };
            // Of a long question with names of files and functions in it no page covers much: there, some words
            // that say a lot are enough.
            let enough = if shared.len() >= 3 { (covered / ENOUGH).min(1.0) * KNOWN } else { 0.0 };
            let confidence = (covered / total).max(enough);
            out.push(Found {
                page: page.clone(),
                passage: *passage,
                score: f64::from(score),
                confidence,
                highlights: Vec::new(),
            });
            if out.len() == breadth {
                break;
            }
        }
        if out.iter().all(|f| f.confidence < KNOWN) {
            return Ok(Vec::new());
        }
        out.truncate(limit);
        for found in &mut out {
            found.highlights = ranges(&found.page.passages[found.passage].text, &terms);
        }
        Ok(out)
    }
}

/// Byte ranges of the words that match.
fn ranges(text: &str, terms: &[String]) -> Vec<(usize, usize)> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut out = Vec::new();
    while stream.advance() {
        let token = stream.token();
        if terms.contains(&token.text) && out.len() < 40 {
            out.push((token.offset_from, token.offset_to));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowledge() -> Knowledge {
        Knowledge::new(crate::embedded_pages().expect("pages read"))
    }

    fn first(question: &str) -> Option<String> {
        knowledge().search(question, &Filter::default(), 5).first().map(|f| f.page.id.clone())
    }

    #[test]
    fn questions_find_their_page() {
        for (question, page) in [
            ("why is my loss NaN after a few steps", "nan_loss"),
            ("a pickle that runs code when the checkpoint is loaded", "unsafe_pickle"),
            ("relu units that are zero for every input", "dying_relu"),
            ("the run went on for many epochs after its best one because early stopping was off", "early_stopping_missed"),
        ] {
            assert_eq!(first(question).as_deref(), Some(page), "{question}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for question in ["best pizza in naples", "who won the world cup", "the of and", "", "?? !!"] {
            assert_eq!(first(question), None, "{question}");
        }
        // What a query language would trip over is only words here.
        for odd in ["lr:( x \"open", "c++ (", "title:[1 TO", "\0\u{ffff}", &"loss ".repeat(10_000)] {
            assert!(knowledge().search(odd, &Filter::default(), 5).len() <= 5);
        }
    }

    #[test]
    fn filters_and_limits_hold_and_pages_are_distinct() {
        let knowledge = knowledge();
        let filter = Filter { theme: "training".to_owned(), ..Filter::default() };
        let found = knowledge.search("loss", &filter, 4);
        assert!(found.len() == 4 && found.iter().all(|f| f.page.theme == "training"));
        let mut ids: Vec<&str> = found.iter().map(|f| f.page.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4);
        let filter = Filter { fault_code: "nan_loss".to_owned(), ..Filter::default() };
        assert!(knowledge.search("learning rate loss", &filter, 10).iter().all(|f| f.page.id == "nan_loss"));
    }
}
