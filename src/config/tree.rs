//! The parsed text as a tree in which every key and value has its span: find the item at a span, or remove it.

use std::mem;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{diagnostic::Span, messages::abbreviate};

/// A key with its value, or an element of an array.
#[derive(Clone, Debug)]
pub(super) struct Item<'t> {
    /// The index of the item that it is in. A path is made of these when it is asked for: an array may have any number of
    /// elements, and its key any length.
    parent: Option<usize>,
    /// Whether it is an element of an array.
    is_element: bool,
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
        items.add_table(tree.get_ref(), &tree.span(), None);
        items
    }

    /// The tables of an item and its key as written: `camera.motion.threshold`; with `[]` for an element of an array that
    /// is a value. A long key is cut.
    pub(super) fn path(&self, item: &Item<'t>) -> String {
        let mut path = item.parent.map_or_else(String::new, |parent| self.path(&self.items[parent]));
        match (item.is_element, item.is_header) {
            (true, true) => {}
            (true, false) => path.push_str("[]"),
            (false, _) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&abbreviate(&self.text[item.name.clone()]));
            }
        }
        path
    }

    /// Whether this is what somebody wrote who left out the names of tables `[tables.NAME]`: `[[tables]]`, or a value of `[tables]`.
    pub(super) fn is_unnamed(&self, item: &Item<'t>, tables: &str) -> bool {
        match item.parent.map(|parent| &self.items[parent]) {
            None => item.key == tables,
            Some(parent) => parent.parent.is_none() && parent.key == tables && (item.is_element || !item.is_header),
        }
    }

    /// The item at `span`, the innermost if there are several.
    pub(super) fn at(&self, span: &Span) -> Option<&Item<'t>> {
        self.items.iter().rfind(|item| item.value == *span || item.name == *span)
    }

    fn add_table(&mut self, table: &'t DeTable<'_>, span: &Span, parent: Option<usize>) {
        for (key, value) in table {
            let is_header = match value.get_ref() {
                DeValue::Table(_) => self.is_header_table(value),
                DeValue::Array(elements) => elements.first().is_some_and(|element| self.is_header_table(element)),
                _ => false,
            };
            let item = Item {
                parent,
                is_element: false,
                key: key.get_ref(),
                table: span.clone(),
                name: key.span(),
                value: value.span(),
                is_header,
            };
            self.add(&item, value);
        }
    }

    /// Adds an item and those inside its value.
    fn add(&mut self, item: &Item<'t>, value: &'t Spanned<DeValue<'_>>) {
        let index = self.items.len();
        self.items.push(item.clone());
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(table, &value.span(), Some(index)),
            DeValue::Array(elements) => {
                for element in elements {
                    let (span, is_header) = (element.span(), self.is_header_table(element));
                    let element_item = Item {
                        parent: Some(index),
                        is_element: true,
                        name: span.clone(),
                        value: span,
                        is_header,
                        ..item.clone()
                    };
                    self.add(&element_item, element);
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
