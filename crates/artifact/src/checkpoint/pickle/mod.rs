//! Pickles as inert data: a stack machine that builds nodes in an arena and never imports, calls
//! or constructs anything. What would be imported is listed with its place.
//!
//! Opcodes are those of Python's `pickletools` (protocols 0 to 5).

mod calls;
mod embedded;
mod machine;
mod text;

use std::{cell::Cell, collections::HashMap, ops::Range};

use machine::{Arrays, Machine};

/// A name that the pickle would import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// Module as it is written.
    pub module: String,
    /// Name within the module; dots lead through attributes.
    pub name: String,
    /// Offset of the opcode in the pickle.
    pub position: usize,
    /// Whether the pickle calls it.
    pub called: bool,
    /// Whether it is called with arguments, rather than to make an empty object that state is put into.
    pub arguments: bool,
    /// Whether it is called in a way that cannot be judged here: with bytes made while loading, say.
    pub unread: bool,
}

impl Global {
    fn new(module: &str, name: &str) -> Self {
        let (module, name) = (module.to_owned(), name.to_owned());
        Self { module, name, position: 0, called: false, arguments: false, unread: false }
    }

    /// Stands for the names that are not listed any more.
    fn overflow(position: usize) -> Self {
        Self { position, unread: true, ..Self::new("?", "more names than are read") }
    }

    /// A dictionary, list or set of a library: items are put into it by its own methods.
    fn is_container(&self) -> bool {
        ["Dict", "dict", "Counter", "deque", "Bunch", "set", "list", "List", "Encoding"]
            .iter()
            .any(|end| self.name.ends_with(end))
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.called |= other.called;
        self.arguments |= other.arguments;
        self.unread |= other.unread;
    }

    /// `module.name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }

    fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == name
    }

    fn is_getattr(&self) -> bool {
        self.name == "getattr" && matches!(self.module.as_str(), "builtins" | "__builtin__")
    }

    /// Whether Python could import it: bytes that are no pickle seldom name anything.
    pub(super) fn is_name(&self) -> bool {
        let identifier = |part: &str| {
            part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        // A name that is put together while loading cannot be read, and is called all the same.
        let computed = self.called && (self.module == "?" || self.name == "?" || self.module == "copyreg.extension");
        computed
            || self.unread
            || !self.module.is_empty() && self.module.split('.').all(identifier) && self.name.split('.').all(identifier)
    }
}

/// Index of a node.
pub(super) type Id = u32;

/// A value of the pickle.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Int(i64),
    Float(f64),
    Text(String),
    /// Tuples, lists, sets.
    Items(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// Index into the globals.
    Global(u32),
    /// What the pickle would call: callee and arguments.
    Call(Id, Id),
    Persistent(Id),
    /// Bytes that stand in the pickle.
    Bytes(Range<usize>),
    /// None, booleans, big integers: not needed.
    Opaque,
    Mark,
}

/// A pickle read to its end, or as far as it goes.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
    pub(super) globals: Vec<Global>,
    /// Bytes up to and including STOP.
    pub(super) length: usize,
}

/// Pickles read from one address on, as one loader or another would read them.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) globals: Vec<Global>,
    /// Files of others that it would have read.
    pub(super) reaches: Vec<String>,
    /// Why the first pickle could not be read to its end.
    pub(super) broken: Option<String>,
}

impl Scan {
    fn add(&mut self, machine: Machine<'_>, ended: Result<Pickle, String>, at: usize, sure: bool) -> Option<usize> {
        let (globals, length) = match ended {
            Ok(pickle) => (pickle.globals, Some(pickle.length)),
            Err(_) => (machine.globals, None),
        };
        adopt(&mut self.globals, globals.into_iter().filter(|g| sure || g.is_name()), at);
        self.reaches.extend(machine.reaches);
        length
    }
}

/// Puts the names of one pickle to those of another that begins `at` bytes before.
pub(super) fn adopt(known: &mut Vec<Global>, more: impl IntoIterator<Item = Global>, at: usize) {
    let mut places: HashMap<(String, String), usize> =
        known.iter().enumerate().map(|(i, g)| ((g.module.clone(), g.name.clone()), i)).collect();
    for global in more {
        let key = (global.module.clone(), global.name.clone());
        if let Some(i) = places.get(&key) {
            known[*i].merge(&global);
        } else if known.len() < machine::MAX_GLOBALS {
            places.insert(key, known.len());
            known.push(Global { position: global.position + at, ..global });
        } else {
            if known.last().is_none_or(|last| last.module != "?") {
                known.push(Global::overflow(at));
            }
            break;
        }
    }
}

/// `torch.save` before its archives: magic number, protocol, system, object, keys, then raw storages.
pub(super) const OLD_TORCH: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";
const OLD_TORCH_PICKLES: usize = 5;
/// Pickles one after the other that are looked at.
const MAX_STREAM: usize = 1000;

/// Reads one pickle from the start of `bytes`, for its values alone.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle, String> {
    let work = Within::allowance(bytes.len());
    let mut machine = Machine::new(bytes, Within { depth: 0, work: &work }, Arrays::Skipped);
    machine.inspects = false;
    machine.run().map_err(|reason| format!("pickle offset {}: {reason}", machine.at))
}

/// How many pickles bytes lie within, and how many bytes may still be read of all of them: what lies within
/// others is read once for each, and a file that folds into itself would be read for ever.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within<'a> {
    pub(super) depth: usize,
    pub(super) work: &'a Cell<u64>,
}

impl Within<'_> {
    /// What a file of this size may cost: honest ones are read three times over.
    pub(super) fn allowance(bytes: usize) -> Cell<u64> {
        Cell::new(64 * bytes as u64 + (64 << 20))
    }

    pub(super) fn spend(self, bytes: usize) -> bool {
        let left = self.work.get().checked_sub(bytes as u64);
        self.work.set(left.unwrap_or(0));
        left.is_some()
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

/// Everything that loading these bytes as a pickle, or as several in a row, would import. Of a pickle that
/// breaks, what it names before counts: by then it has been run.
pub(super) fn scan(bytes: &[u8], within: Within<'_>) -> Scan {
    let (mut out, mut at) = (Scan::default(), 0);
    if !within.spend(bytes.len()) {
        out.broken = Some("pickles lie too often within each other".to_owned());
        out.globals.push(Global::overflow(0));
        return out;
    }
    let old_torch = bytes.get(..16).is_some_and(|head| head.windows(OLD_TORCH.len()).any(|w| w == OLD_TORCH));
    for nth in 0..if old_torch { OLD_TORCH_PICKLES } else { MAX_STREAM } {
        let mut machine = Machine::new(&bytes[at..], within, Arrays::Skipped);
        let ended = machine.run();
        if let (true, Err(reason)) = (nth == 0 || old_torch && nth < OLD_TORCH_PICKLES - 1, &ended) {
            out.broken = Some(format!("pickle offset {}: {reason}", machine.at));
        }
        // What follows the first pickle may be anything.
        let Some(length) = out.add(machine, ended, at, nth == 0 || old_torch) else { break };
        at += length;
        if at >= bytes.len() {
            break;
        }
        if nth + 1 == MAX_STREAM {
            out.broken = Some(format!("more than {MAX_STREAM} pickles in a row; the rest was not read"));
        }
    }
    // `pickle.load` knows nothing of joblib's arrays and runs their bytes.
    if out.globals.iter().any(|g| g.module == "joblib.numpy_pickle") {
        let mut machine = Machine::new(bytes, within, Arrays::Run);
        let ended = machine.run();
        // Numbers read as opcodes name things at times, and seldom call them; a class is no module.
        let plausible = |g: &Global| g.called && !g.module.starts_with(char::is_uppercase);
        machine.globals.retain(plausible);
        let ended = ended.map(|mut pickle| {
            pickle.globals.retain(plausible);
            pickle
        });
        out.add(machine, ended, 0, false);
    }
    out
}

impl Pickle {
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(v) => Some(*v),
            _ => None,
        }
    }

    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Items(items) => Some(items),
            _ => None,
        }
    }

    /// `module.name` of an imported name.
    pub(super) fn global(&self, id: Id) -> Option<String> {
        match self.node(id) {
            Node::Global(index) => Some(self.globals[*index as usize].path()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8]) -> Scan {
        let work = Within::allowance(bytes.len());
        super::scan(bytes, Within { depth: 0, work: &work })
    }

    #[test]
    fn a_pickle_that_would_run_a_command_is_read_and_named() {
        // cos\nsystem\n(S'echo hi'\ntR.  -- the classic.
        let pickle = read(b"cos\nsystem\n(S'echo hi'\ntR.").expect("reads");
        let named =
            Global { module: "os".into(), name: "system".into(), position: 0, called: true, arguments: true, unread: false };
        assert_eq!(pickle.globals, [named]);
        // The same by STACK_GLOBAL.
        let pickle = read(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.").expect("reads");
        assert_eq!(pickle.globals[0].path(), "posix.system");
    }

    #[test]
    fn no_input_panics_or_runs_away() {
        for bytes in [
            &b""[..],
            b"(",
            b"0.",
            b"\x80\x02",
            b"R",
            b"t.",
            b"q\xff",
            b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
            b"r\xff\xff\xff\x7f",
            b"c\xff\n",
            b"S'\\x\nV\\u12\n",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        // A pickle in the bytes of another, as `_load_from_bytes` would run it.
        let inner = b"\x80\x02cos\nsystem\n(S'id'\ntR.";
        let outer = [b"\x80\x03C", &[inner.len() as u8][..], inner, b"."].concat();
        assert_eq!(scan(&outer).globals[0].path(), "os.system");
        // Names that hide from a reader that gives up early, or that sees other bytes than are loaded.
        let called = |bytes: &[u8]| scan(bytes).globals.iter().any(|g| g.called && (g.unread || g.path() == "os.system"));
        assert!(called(b"cos\nsystem\np1_0\n0g10\n(S'id'\ntR."), "an index with an underscore");
        assert!(called(b"cbuiltins\ngetattr\n(cpathlib\nPath\nVwrite_text\ntR."), "a method that something else may call");
        let changed =
            [b"\x80\x05ctorch.storage\n_load_from_bytes\n\x96\x03\0\0\0\0\0\0\0\x80\x02.".as_slice(), b"K\x01a\x85R."].concat();
        assert!(called(&changed), "bytes that are changed before they are loaded");
        // Self-reference through the memo.
        assert!(read(b"]q\x00h\x00a.").is_ok());
        // A million nested lists: an arena has no recursive drop.
        let nested = [b"(".repeat(1_000_000), b"l".repeat(1_000_000), b".".to_vec()].concat();
        assert!(read(&nested).is_ok());
    }
}
