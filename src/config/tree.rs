//! The parsed text as a tree in which every key and value has its span: find the item at a span, or remove it.

use std::mem;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::diagnostic::Span;

/// A key with its value, or an element of an array.
#[derive(Clone, Debug)]
pub(super) struct Item<'t> {
    /// Its tables and its key as written: `camera.motion.threshold`; with `[]` for an element of an array that is a
    /// value.
    pub(super) path: String,
    /// The key, or that of the array that it is in.
    pub(super) key: &'t str,
    /// The span of the table with that key.
    pub(super) table: Span,
    /// The span of the key; of an element, the element's.
    name: Span,
    /// The span of the value. For a table or an array of tables that is its (first) line in brackets.
    pub(super) value: Span,
    /// Whether the value is such a table or array of tables.
    pub(super) is_header: bool,
}

/// All keys and elements, each before those inside it.
#[derive(Debug)]
pub(super) struct Items<'t> {
    text: &'t str,
    items: Vec<Item<'t>>,
}

impl<'t> Items<'t> {
    /// Lists the items of `tree`, which was parsed from `text`.
    pub(super) fn of(text: &'t str, tree: &'t Spanned<DeTable<'_>>) -> Self {
        let mut items = Self { text, items: Vec::new() };
        items.add_table(tree.get_ref(), &tree.span(), "");
        items
    }

    /// The item at `span`, the innermost if there are several.
    pub(super) fn at(&self, span: &Span) -> Option<&Item<'t>> {
        self.items.iter().rfind(|item| item.value == *span || item.name == *span)
    }

    fn add_table(&mut self, table: &'t DeTable<'_>, span: &Span, path: &str) {
        for (key, value) in table {
            let name = &self.text[key.span()];
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let is_header = match value.get_ref() {
                DeValue::Table(_) => self.is_header_table(value),
                DeValue::Array(elements) => elements.first().is_some_and(|element| self.is_header_table(element)),
                _ => false,
            };
            let item = Item {
                path,
                key: key.get_ref(),
                table: span.clone(),
                name: key.span(),
                value: value.span(),
                is_header,
            };
            self.items.push(item.clone());
            self.add_children(value, &item);
        }
    }

    /// Adds the items inside the value of `item`.
    fn add_children(&mut self, value: &'t Spanned<DeValue<'_>>, item: &Item<'t>) {
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(table, &value.span(), &item.path),
            DeValue::Array(elements) => {
                for element in elements {
                    let is_header = self.is_header_table(element);
                    let path = if is_header { item.path.clone() } else { format!("{}[]", item.path) };
                    let item = Item { path, name: element.span(), value: element.span(), is_header, ..item.clone() };
                    self.items.push(item.clone());
                    self.add_children(element, &item);
                }
            }
            _ => {}
        }
    }

    /// Whether the value is a table that is not written in braces.
    fn is_header_table(&self, value: &Spanned<DeValue<'_>>) -> bool {
        value.get_ref().is_table() && !self.text[value.span()].starts_with('{')
    }
}

/// Removes the key or element at `span`, the innermost if there are several. Returns whether there was one.
pub(super) fn remove(table: &mut DeTable<'_>, span: &Span) -> bool {
    if table.iter_mut().any(|(_, value)| remove_from_value(value, span)) {
        return true;
    }
    let key =
        table.iter().find(|(key, value)| key.span() == *span || value.span() == *span).map(|(key, _)| key.clone());
    key.is_some_and(|key| table.remove(&key).is_some())
}

fn remove_from_value(value: &mut Spanned<DeValue<'_>>, span: &Span) -> bool {
    match value.get_mut() {
        DeValue::Table(table) => remove(table, span),
        DeValue::Array(elements) => {
            if elements.iter_mut().any(|element| remove_from_value(element, span)) {
                return true;
            }
            let before = elements.len();
            let all = mem::replace(elements, DeArray::new());
            *elements = all.into_iter().filter(|element| element.span() != *span).collect();
            elements.len() < before
        }
        _ => false,
    }
}
