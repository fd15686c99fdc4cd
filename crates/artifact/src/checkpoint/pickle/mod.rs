//! Pickles as inert data: a stack machine that builds nodes in an arena and never imports, calls
//! or constructs anything. What would be imported is listed with its place.
//!
//! Opcodes are those of Python's `pickletools` (protocols 0 to 5).

mod embedded;

/// A name that the pickle would import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// `module.name`.
    pub path: String,
    /// Offset of the opcode in the pickle.
    pub position: usize,
    /// Whether the pickle calls it.
    pub called: bool,
}

/// Index of a node.
pub(super) type Id = u32;

/// A value of the pickle.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Int(i64),
    Text(String),
    /// Tuples, lists, sets.
    Items(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// Index into the globals.
    Global(u32),
    /// What the pickle would call: callee and arguments.
    Call(Id, Id),
    Persistent(Id),
    /// None, booleans, floats, bytes, big integers: not needed.
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

/// No checkpoint needs more; a memo that refers to itself cannot grow the arena beyond it.
const MAX_OPCODES: usize = 20_000_000;
const MAX_GLOBALS: usize = 10_000;

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    memo: Vec<Option<Id>>,
    globals: Vec<Global>,
    /// How many pickles this one lies within.
    depth: usize,
}

/// Reads one pickle from the start of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle, String> {
    let mut machine = Machine::new(bytes, 0);
    machine.run().map_err(|reason| format!("pickle offset {}: {reason}", machine.at))
}

/// The globals of a pickle, also of one that cannot be read to its end: those seen before it breaks.
pub(super) fn globals_of(bytes: &[u8]) -> Vec<Global> {
    let mut machine = Machine::new(bytes, 0);
    match machine.run() {
        Ok(pickle) => pickle.globals,
        // The error itself is reported by whoever calls `read`.
        Err(_) => machine.globals,
    }
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8], depth: usize) -> Self {
        Self { bytes, at: 0, nodes: Vec::new(), stack: Vec::new(), memo: Vec::new(), globals: Vec::new(), depth }
    }

    fn take(&mut self, n: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len()).ok_or("ends in the middle of a value")?;
        let out = &self.bytes[self.at..end];
        self.at = end;
        Ok(out)
    }

    fn uint(&mut self, width: usize) -> Result<usize, String> {
        let mut value = 0_u64;
        for (i, byte) in self.take(width)?.iter().enumerate() {
            value |= u64::from(*byte) << (8 * i);
        }
        usize::try_from(value).map_err(|_| "a length beyond this machine".to_owned())
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\n').ok_or("ends in the middle of a line")?;
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn text(&mut self, width: usize) -> Result<Node, String> {
        let n = self.uint(width)?;
        Ok(Node::Text(String::from_utf8_lossy(self.take(n)?).into_owned()))
    }

    fn skip(&mut self, width: usize) -> Result<Node, String> {
        let n = self.uint(width)?;
        let position = self.at;
        self.take(n)?;
        self.nested(position, n);
        Ok(Node::Opaque)
    }

    fn push(&mut self, node: Node) -> Result<(), String> {
        let id = Id::try_from(self.nodes.len()).map_err(|_| "too many values")?;
        self.nodes.push(node);
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, String> {
        self.stack.pop().ok_or_else(|| "takes a value from an empty stack".to_owned())
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| "looks at an empty stack".to_owned())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let at = self
            .stack
            .iter()
            .rposition(|&id| matches!(self.nodes[id as usize], Node::Mark))
            .ok_or("has no mark to go back to")?;
        let items = self.stack.split_off(at + 1);
        self.stack.pop();
        Ok(items)
    }

    fn remember(&mut self, index: usize) -> Result<(), String> {
        if index > self.bytes.len() {
            return Err("a memo index beyond the file's size".to_owned());
        }
        if self.memo.len() <= index {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(self.top()?);
        Ok(())
    }

    fn recall(&mut self, index: usize) -> Result<(), String> {
        let id = self.memo.get(index).copied().flatten().ok_or("recalls what was never remembered")?;
        self.stack.push(id);
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str, position: usize) -> Result<(), String> {
        let path = format!("{module}.{name}");
        let index = match self.globals.iter().position(|g| g.path == path) {
            Some(index) => index,
            None if self.globals.len() >= MAX_GLOBALS => return Err("names too many imports".to_owned()),
            None => {
                self.globals.push(Global { path, position, called: false });
                self.globals.len() - 1
            }
        };
        self.push(Node::Global(u32::try_from(index).map_err(|_| "too many imports")?))
    }

    fn call(&mut self, callee: Id, arguments: Id) -> Result<(), String> {
        let node = match &self.nodes[callee as usize] {
            Node::Global(index) => {
                let global = &mut self.globals[*index as usize];
                global.called = true;
                // An ordered dictionary stands for itself, so that its items can be read.
                if global.path == "collections.OrderedDict" { Node::Dict(Vec::new()) } else { Node::Call(callee, arguments) }
            }
            _ => Node::Call(callee, arguments),
        };
        self.push(node)
    }

    fn store(&mut self, pairs: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        if !pairs.len().is_multiple_of(2) {
            return Err("sets a key without a value".to_owned());
        }
        if let Node::Dict(items) = &mut self.nodes[target as usize] {
            items.extend(pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        Ok(())
    }

    fn extend(&mut self, more: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        if let Node::Items(items) = &mut self.nodes[target as usize] {
            items.extend_from_slice(more);
        }
        Ok(())
    }

    fn name_of(&self, id: Id) -> String {
        match &self.nodes[id as usize] {
            Node::Text(text) => text.clone(),
            _ => "?".to_owned(),
        }
    }

    fn run(&mut self) -> Result<Pickle, String> {
        for _ in 0..MAX_OPCODES {
            let position = self.at;
            let op = self.take(1)?[0];
            match op {
                b'.' => {
                    let root = self.pop()?;
                    return Ok(Pickle {
                        nodes: std::mem::take(&mut self.nodes),
                        root,
                        globals: std::mem::take(&mut self.globals),
                        length: self.at,
                    });
                }
                // Frames and protocol.
                0x80 => drop(self.take(1)?.len()),
                0x95 => drop(self.take(8)?.len()),
                // Stack.
                b'(' => self.push(Node::Mark)?,
                b'0' => drop(self.pop()?.to_le()),
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                // Constants and numbers.
                b'N' | 0x88 | 0x89 => self.push(Node::Opaque)?,
                b'K' => {
                    let v = self.uint(1)?;
                    self.push(Node::Int(i64::try_from(v).unwrap_or(i64::MAX)))?;
                }
                b'M' => {
                    let v = self.uint(2)?;
                    self.push(Node::Int(i64::try_from(v).unwrap_or(i64::MAX)))?;
                }
                b'J' => {
                    let raw: [u8; 4] = self.take(4)?.try_into().map_err(|_| "four bytes")?;
                    self.push(Node::Int(i64::from(i32::from_le_bytes(raw))))?;
                }
                b'I' | b'L' => {
                    let line = self.line()?;
                    self.push(match line.trim_end_matches('L') {
                        "00" | "01" => Node::Opaque,
                        digits => digits.parse().map_or(Node::Opaque, Node::Int),
                    })?;
                }
                0x8a => {
                    let n = self.uint(1)?;
                    let raw = self.take(n)?;
                    let node = if raw.len() <= 8 {
                        let negative = raw.last().is_some_and(|b| b & 0x80 != 0);
                        let mut all = [if negative { 0xff } else { 0 }; 8];
                        all[..raw.len()].copy_from_slice(raw);
                        Node::Int(i64::from_le_bytes(all))
                    } else {
                        Node::Opaque
                    };
                    self.push(node)?;
                }
                0x8b => {
                    let node = self.skip(4)?;
                    self.push(node)?;
                }
                b'F' => {
                    self.line()?;
                    self.push(Node::Opaque)?;
                }
                b'G' => {
                    self.take(8)?;
                    self.push(Node::Opaque)?;
                }
                // Text and bytes.
                b'X' | b'T' => {
                    let node = self.text(4)?;
                    self.push(node)?;
                }
                0x8c | b'U' => {
                    let node = self.text(1)?;
                    self.push(node)?;
                }
                0x8d => {
                    let node = self.text(8)?;
                    self.push(node)?;
                }
                b'V' | b'S' => {
                    let line = self.line()?;
                    self.push(Node::Text(line.trim_matches(['\'', '"']).to_owned()))?;
                }
                b'C' => {
                    let node = self.skip(1)?;
                    self.push(node)?;
                }
                b'B' => {
                    let node = self.skip(4)?;
                    self.push(node)?;
                }
                0x8e | 0x96 => {
                    let node = self.skip(8)?;
                    self.push(node)?;
                }
                0x97 => self.push(Node::Opaque)?,
                0x98 => {}
                // Containers.
                b')' | b']' | 0x8f => self.push(Node::Items(Vec::new()))?,
                b'}' => self.push(Node::Dict(Vec::new()))?,
                b't' | b'l' | 0x91 => {
                    let items = self.pop_to_mark()?;
                    self.push(Node::Items(items))?;
                }
                0x85..=0x87 => {
                    let n = usize::from(op - 0x84);
                    let at = self.stack.len().checked_sub(n).ok_or("takes values from an empty stack")?;
                    let items = self.stack.split_off(at);
                    self.push(Node::Items(items))?;
                }
                b'd' => {
                    let items = self.pop_to_mark()?;
                    self.push(Node::Dict(Vec::new()))?;
                    self.store(&items)?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(&[item])?;
                }
                b'e' | 0x90 => {
                    let items = self.pop_to_mark()?;
                    self.extend(&items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.store(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.store(&items)?;
                }
                // Memo.
                b'p' => {
                    let index = self.line()?.parse().map_err(|_| "a memo index that is no number")?;
                    self.remember(index)?;
                }
                b'q' => {
                    let index = self.uint(1)?;
                    self.remember(index)?;
                }
                b'r' => {
                    let index = self.uint(4)?;
                    self.remember(index)?;
                }
                0x94 => {
                    let index = self.memo.len();
                    self.remember(index)?;
                }
                b'g' => {
                    let index = self.line()?.parse().map_err(|_| "a memo index that is no number")?;
                    self.recall(index)?;
                }
                b'h' => {
                    let index = self.uint(1)?;
                    self.recall(index)?;
                }
                b'j' => {
                    let index = self.uint(4)?;
                    self.recall(index)?;
                }
                // Imports and calls: noted, never done.
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.global(&module, &name, position)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (module, name) = (self.name_of(module), self.name_of(name));
                    self.global(&module, &name, position)?;
                }
                b'R' => {
                    let (arguments, callee) = (self.pop()?, self.pop()?);
                    self.call(callee, arguments)?;
                }
                0x81 => {
                    let (arguments, class) = (self.pop()?, self.pop()?);
                    self.call(class, arguments)?;
                }
                0x92 => {
                    let (_keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                    self.call(class, arguments)?;
                }
                b'i' => {
                    let (module, name) = (self.line()?, self.line()?);
                    let items = self.pop_to_mark()?;
                    self.global(&module, &name, position)?;
                    let callee = self.pop()?;
                    self.push(Node::Items(items))?;
                    let arguments = self.pop()?;
                    self.call(callee, arguments)?;
                }
                b'o' => {
                    let items = self.pop_to_mark()?;
                    let (callee, rest) = items.split_first().ok_or("builds an object of nothing")?;
                    self.push(Node::Items(rest.to_vec()))?;
                    let arguments = self.pop()?;
                    self.call(*callee, arguments)?;
                }
                0x82..=0x84 => {
                    let width = [1, 2, 4][usize::from(op - 0x82)];
                    let code = self.uint(width)?;
                    self.global("copyreg.extension", &code.to_string(), position)?;
                }
                // BUILD: the object stays, its state is dropped.
                b'b' => {
                    let state = self.pop()?;
                    let is_array = match &self.nodes[self.top()? as usize] {
                        Node::Call(callee, _) => match &self.nodes[*callee as usize] {
                            Node::Global(index) => self.globals[*index as usize].path == "joblib.numpy_pickle.NumpyArrayWrapper",
                            _ => false,
                        },
                        _ => false,
                    };
                    if is_array {
                        self.skip_array(state)?;
                    }
                }
                b'P' => {
                    let line = self.line()?;
                    self.push(Node::Text(line))?;
                    let id = self.pop()?;
                    self.push(Node::Persistent(id))?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Node::Persistent(id))?;
                }
                other => return Err(format!("unknown opcode 0x{other:02x}")),
            }
        }
        Err(format!("more than {MAX_OPCODES} opcodes"))
    }
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

    pub(super) fn global(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Global(index) => Some(&self.globals[*index as usize].path),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_that_would_run_a_command_is_read_and_named() {
        // cos\nsystem\n(S'echo hi'\ntR.  -- the classic.
        let pickle = read(b"cos\nsystem\n(S'echo hi'\ntR.").expect("reads");
        assert_eq!(pickle.globals, [Global { path: "os.system".into(), position: 0, called: true }]);
        // The same by STACK_GLOBAL.
        let pickle = read(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.").expect("reads");
        assert_eq!(pickle.globals[0].path, "posix.system");
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
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        // A pickle in the bytes of another, as `_load_from_bytes` would run it.
        let inner = b"\x80\x02cos\nsystem\n(S'id'\ntR.";
        let outer = [b"\x80\x03C", &[inner.len() as u8][..], inner, b"."].concat();
        assert_eq!(read(&outer).expect("reads").globals[0].path, "os.system");
        // Self-reference through the memo.
        assert!(read(b"]q\x00h\x00a.").is_ok());
        // A million nested lists: an arena has no recursive drop.
        let nested = [b"(".repeat(1_000_000), b"l".repeat(1_000_000), b".".to_vec()].concat();
        assert!(read(&nested).is_ok());
    }
}
