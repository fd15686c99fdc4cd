//! What a pickle would call, and with what: noted and never done. Of some callables that checkpoints need the
//! argument decides, and of objects that are not containers every change.

use std::borrow::Cow;

use super::{Id, Machine, Node};

impl<'a> Machine<'a> {
    /// The name behind a node that is one.
    pub(super) fn global_of(&self, id: Id) -> Option<usize> {
        match self.nodes[id as usize] {
            Node::Global(index) => Some(index as usize),
            _ => None,
        }
    }

    /// Something is done to an object by a name of its own: the class decides what that is.
    pub(super) fn touched(&mut self, target: Id) {
        let class = match &self.nodes[target as usize] {
            // An attribute set on a class or module.
            Node::Global(index) => Some(*index as usize),
            Node::Call(callee, _) => self.global_of(*callee).filter(|index| !self.globals[*index].is_container()),
            _ => None,
        };
        if let Some(global) = class.and_then(|index| self.globals.get_mut(index)) {
            global.unread = true;
        }
        // What was read of these bytes is no longer what will be loaded.
        if matches!(self.nodes[target as usize], Node::Bytes(_)) {
            self.nodes[target as usize] = Node::Opaque;
        }
    }

    /// `plain` makes an object of a class without running its `__init__`: NEWOBJ.
    pub(super) fn call(&mut self, callee: Id, arguments: Id, plain: bool) -> Result<(), String> {
        let node = match &self.nodes[callee as usize] {
            Node::Global(index) => {
                let index = *index as usize;
                let bare = matches!(&self.nodes[arguments as usize], Node::Items(items) if items.is_empty());
                self.globals[index].called = true;
                self.globals[index].arguments |= !(plain && bare);
                if self.inspects && self.answers_unread(index, arguments) {
                    self.globals[index].unread = true;
                }
                // An ordered dictionary stands for itself, so that its items can be read.
                if self.globals[index].is("collections", "OrderedDict") || self.globals[index].name == "AttributeDict" {
                    Node::Dict(Vec::new())
                } else {
                    Node::Call(callee, arguments)
                }
            }
            // What a call answered is called: the method that `getattr` fetched.
            Node::Call(inner, fetched) => {
                let (inner, fetched) = (*inner, *fetched);
                if let Some(index) = self.global_of(inner)
                    && !(self.globals[index].is_getattr() && self.fetches(fetched, &["_unpickle"]))
                {
                    self.globals[index].unread = true;
                }
                Node::Call(callee, arguments)
            }
            _ => Node::Call(callee, arguments),
        };
        self.push(node)
    }

    /// Whether the arguments of `getattr` are a class and one of these attributes.
    fn fetches(&self, arguments: Id, attributes: &[&str]) -> bool {
        let Node::Items(items) = &self.nodes[arguments as usize] else { return false };
        let [of, name] = items[..] else { return false };
        let class = match &self.nodes[of as usize] {
            Node::Call(callee, _) => self.global_of(*callee),
            _ => self.global_of(of),
        };
        let Some(class) = class else { return false };
        let class = &self.globals[class];
        // Methods of texts are pure; so are the two others, of classes that have nothing else of that name.
        let text = class.is("builtins", "str") || class.is("__builtin__", "str") || class.is("__builtin__", "unicode");
        if text {
            return matches!(&self.nodes[name as usize], Node::Text(text)
                if matches!(text.as_str(), "lower" | "upper" | "strip" | "split" | "title" | "casefold" | "capitalize"));
        }
        matches!(class.name.as_str(), "OneCycleLR" | "ZoneInfo")
            && matches!(&self.nodes[name as usize], Node::Text(text) if attributes.contains(&text.as_str()))
    }

    /// Whether what a call does depends on something that cannot be read here: of some callables that
    /// checkpoints need, the argument decides.
    fn answers_unread(&mut self, index: usize, arguments: Id) -> bool {
        enum Kind {
            Loads,
            Encodes,
            Fetches,
            Makes,
        }
        let global = &self.globals[index];
        let kind = if global.is("torch.storage", "_load_from_bytes") {
            Kind::Loads
        } else if global.is("_codecs", "encode") {
            Kind::Encodes
        } else if global.is_getattr() {
            Kind::Fetches
        } else if global.is("numpy.random._pickle", "__generator_ctor") || global.is("torch._tensor", "_rebuild_from_type_v2") {
            Kind::Makes
        } else {
            return false;
        };
        let items: Vec<Id> = match &self.nodes[arguments as usize] {
            Node::Items(items) => items.iter().copied().take(8).collect(),
            _ => return true,
        };
        match kind {
            Kind::Loads => match items[..] {
                [id] => match self.loaded_nodes.get(&id) {
                    Some(whole) => !whole,
                    None => {
                        let whole = match &self.nodes[id as usize] {
                            Node::Bytes(range) if self.looked.contains_key(range) => self.looked[range],
                            _ => self.literal_bytes(id).is_some_and(|bytes| self.loaded(&bytes)),
                        };
                        self.loaded_nodes.insert(id, whole);
                        !whole
                    }
                },
                _ => true,
            },
            Kind::Encodes => {
                !matches!(items[..], [_, codec] if matches!(self.name_of(codec).as_str(), "latin1" | "latin-1" | "iso-8859-1"))
            }
            // A schedule's own function, and the maker of a time zone.
            Kind::Fetches => !self.fetches(arguments, &["_annealing_cos", "_annealing_linear", "_unpickle"]),
            // They call what they are given.
            Kind::Makes => items.iter().any(|id| {
                self.global_of(*id).is_some_and(|i| {
                    let given = &self.globals[i];
                    let maker = given.name.starts_with("_rebuild_") || given.name.ends_with("_ctor") || given.name == "Parameter" || given.name == "Tensor";
                    !maker || !(given.module.starts_with("torch") || given.module.starts_with("numpy.random"))
                }) || matches!(self.nodes[*id as usize], Node::Call(callee, _) if self.global_of(callee).is_none_or(|i| self.globals[i].is_getattr()))
            }),
        }
    }

    /// Bytes that stand in the pickle, plainly or as the text that protocol 2 makes of them.
    fn literal_bytes(&self, id: Id) -> Option<Cow<'a, [u8]>> {
        match &self.nodes[id as usize] {
            Node::Bytes(range) => Some(Cow::Borrowed(&self.bytes[range.clone()])),
            Node::Call(callee, arguments) => {
                let Node::Global(index) = self.nodes[*callee as usize] else { return None };
                let global = &self.globals[index as usize];
                let Node::Items(items) = &self.nodes[*arguments as usize] else { return None };
                let ([text, ..], true) = (&items[..], global.is("_codecs", "encode") && !global.unread) else { return None };
                let Node::Text(text) = &self.nodes[*text as usize] else { return None };
                text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>().map(Cow::Owned)
            }
            _ => None,
        }
    }
}
