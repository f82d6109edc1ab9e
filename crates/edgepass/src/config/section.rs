//! Reads a TOML table: typed values by key, every other key a mistake.

use toml::de::{DeTable, DeValue};

use super::faults::{Faults, Mistake, Place};
use super::nearest::{nearest, suggest};

/// A table and the keys that were asked of it: these are the ones it may have.
pub struct Section<'t> {
    /// As a message names it: `[bucket.main]`.
    pub title: String,
    pub place: Place,
    table: &'t DeTable<'t>,
    known: Vec<&'static str>,
}

/// A value with its place.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    pub place: Place,
    pub value: &'t DeValue<'t>,
}

/// A key of a table whose keys are the user's to choose, and its value.
#[derive(Clone, Copy)]
pub struct Member<'t> {
    pub place: Place,
    pub name: &'t str,
    pub node: Node<'t>,
}

impl<'t> Section<'t> {
    pub fn new(title: impl Into<String>, place: Place, table: &'t DeTable<'t>) -> Self {
        Self { title: title.into(), place, table, known: Vec::new() }
    }

    pub fn get(&mut self, key: &'static str) -> Option<Node<'t>> {
        self.known.push(key);
        self.table.get(key).map(|value| Node { place: value.span().into(), value: value.get_ref() })
    }

    /// The value of a key that has to be there.
    pub fn require(&mut self, key: &'static str, hint: &str, faults: &mut Faults) -> Option<Node<'t>> {
        let node = self.get(key);
        if node.is_none() {
            let mistake = Mistake::new(format!("`{key}` is missing in {}", self.title)).hint(hint);
            faults.missing(self.place, key, mistake);
        }
        node
    }

    /// Where a key stands, else where the table does.
    pub fn place_of(&self, key: &str) -> Place {
        self.table.get_key_value(key).map_or(self.place, |(key, _)| key.span().into())
    }

    /// Where a key's value stands, else where the table does.
    pub fn place_of_value(&self, key: &str) -> Place {
        self.table.get(key).map_or(self.place, |value| value.span().into())
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports the keys that were never asked for. One that is only misspelt is not missing as well.
    pub fn close(self, faults: &mut Faults) {
        #[cfg(test)]
        asked::note(&self.title, &self.known);
        for key in self.table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let typed = key.get_ref();
            let message = match self.title.as_str() {
                "" => format!("unknown section `{typed}`"),
                title => format!("unknown key `{typed}` in {title}"),
            };
            let hint = suggest(typed, self.known.iter().copied());
            faults.add(key.span().into(), Mistake { message, hint });
            let meant = nearest(typed, self.known.iter().copied());
            faults.list.retain(|fault| fault.missing.is_none() || fault.place != self.place || fault.missing != meant);
        }
    }
}

impl<'t> Node<'t> {
    pub fn text(self, wanted: &str, faults: &mut Faults) -> Option<&'t str> {
        match self.value {
            DeValue::String(text) if text.is_empty() => {
                faults.add(self.place, Mistake::new(format!("empty; wanted is {wanted}")));
                None
            }
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.wrong_type(wanted, faults),
        }
    }

    /// Text that a function understands.
    pub fn parse<T>(
        self,
        wanted: &str,
        faults: &mut Faults,
        read: impl FnOnce(&'t str) -> Result<T, Mistake>,
    ) -> Option<T> {
        let text = self.text(wanted, faults)?;
        faults.keep(self.place, read(text))
    }

    pub fn boolean(self, faults: &mut Faults) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type("true or false", faults),
        }
    }

    /// A list, which is not empty.
    pub fn list(self, wanted: &str, faults: &mut Faults) -> Option<Vec<Node<'t>>> {
        match self.value {
            DeValue::Array(items) if items.is_empty() => {
                faults.add(self.place, Mistake::new(format!("an empty list; wanted is {wanted}")));
                None
            }
            DeValue::Array(items) => {
                Some(items.iter().map(|item| Node { place: item.span().into(), value: item.get_ref() }).collect())
            }
            _ => self.wrong_type(wanted, faults),
        }
    }

    /// A list of texts, each understood by a function; `None` if one was not.
    pub fn parse_list<T>(
        self,
        wanted: &str,
        faults: &mut Faults,
        read: impl Fn(&'t str) -> Result<T, Mistake>,
    ) -> Option<Vec<T>> {
        let items = self.list(wanted, faults)?;
        let read: Vec<_> = items.into_iter().map(|item| item.parse(wanted, faults, &read)).collect();
        read.into_iter().collect()
    }

    pub fn section(self, title: impl Into<String>, wanted: &str, faults: &mut Faults) -> Option<Section<'t>> {
        match self.value {
            DeValue::Table(table) => Some(Section::new(title, self.place, table)),
            _ => self.wrong_type(wanted, faults),
        }
    }

    /// The members of a table whose keys are the user's, in the order of the text.
    pub fn members(self, wanted: &str, faults: &mut Faults) -> Option<Vec<Member<'t>>> {
        let DeValue::Table(table) = self.value else {
            return self.wrong_type(wanted, faults);
        };
        let mut members: Vec<_> = table
            .iter()
            .map(|(key, value)| Member {
                place: key.span().into(),
                name: key.get_ref().as_ref(),
                node: Node { place: value.span().into(), value: value.get_ref() },
            })
            .collect();
        members.sort_by_key(|member| member.place);
        Some(members)
    }

    pub fn wrong_type<T>(self, wanted: &str, faults: &mut Faults) -> Option<T> {
        let given = match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        faults.add(self.place, Mistake::new(format!("{given} where {wanted} is wanted")));
        None
    }
}

/// Which keys were asked of which tables, for the test that holds the schema to it.
#[cfg(test)]
pub mod asked {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    thread_local! {
        static ASKED: RefCell<BTreeMap<String, BTreeSet<&'static str>>> = RefCell::default();
    }

    pub fn note(title: &str, keys: &[&'static str]) {
        ASKED.with_borrow_mut(|asked| asked.entry(title.to_owned()).or_default().extend(keys));
    }

    /// By the table's title, all that was asked on this thread.
    pub fn all() -> BTreeMap<String, BTreeSet<&'static str>> {
        ASKED.with_borrow(Clone::clone)
    }
}
