//! The published JSON schemas, made from the types that are serialised and compared with the files. For tests only.
//!
//! `docs/schemas/messages.json` has the messages of the WebSocket port. Those of the HTTP port stand in
//! `src/http/openapi.json`, which `http::openapi` completes.

use std::{env, fs, path::Path};

use schemars::{
    SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};

use crate::message::{Message, VERSION};

/// Columns of the files, as far as the texts in them allow.
const COLUMNS: usize = 120;

/// The keywords that come first in a schema.
const KEYWORDS: [&str; 8] = ["$schema", "title", "description", "type", "oneOf", "properties", "required", "items"];

/// Makes the schemas of JSON as it is sent. `definitions` is where in its document they will be.
pub(crate) fn generator(definitions: &'static str) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.contract = Contract::Serialize;
        settings.definitions_path = definitions.into();
    });
    settings.into_generator()
}

/// All schemas that `generator` was asked for, and those that these refer to, by their names.
pub(crate) fn definitions(mut generator: SchemaGenerator) -> Map<String, Value> {
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(simplify);
    if let Some(mut message) = definitions.remove("Message") {
        let types = message["oneOf"].as_array_mut().expect("an enum with a tag").iter_mut();
        types.for_each(|one| tag(one, &mut definitions));
        definitions.insert("Message".into(), message);
    }
    definitions
}

/// Moves the tag of a message from a variant of the enum into the definition that the variant refers to, with the version.
fn tag(variant: &mut Value, definitions: &mut Map<String, Value>) {
    let to = variant["$ref"].take();
    let name = to.as_str().and_then(|to| to.rsplit('/').next()).expect("a variant refers to its struct");
    let definition = &mut definitions[name];
    definition["properties"]["v"] = json!({ "const": VERSION });
    definition["properties"]["type"] = json!({ "const": variant["properties"]["type"]["const"] });
    let required = definition["required"].as_array_mut().expect("messages have something to say");
    required.splice(0..0, ["v".into(), "type".into()]);
    *variant = json!({ "$ref": to });
}

/// Leaves out what holds for Rust only: the sizes of numbers, and defaults, which are for reading. What can be absent is
/// never null.
fn simplify(value: &mut Value) {
    if let Value::Array(items) = value {
        items.iter_mut().for_each(simplify);
    }
    let Value::Object(schema) = value else { return };
    schema.values_mut().for_each(simplify);
    schema.remove("default");
    if schema.get("format").is_some_and(|format| format != "date-time") {
        schema.remove("format");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    let required = schema.get("required").cloned().unwrap_or_else(|| json!([]));
    let is_required = |name: &str| required.as_array().is_some_and(|required| required.iter().any(|one| one == name));
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        if !is_required(name) {
            forbid_null(property);
        }
    }
    if let Some((names, texts)) = schema.get("oneOf").and_then(names_with_texts) {
        schema.remove("oneOf");
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{text} {texts}").trim().to_owned();
        schema.extend([("enum".to_owned(), names), ("description".to_owned(), text.into())]);
    }
}

fn forbid_null(property: &mut Value) {
    if let Value::Array(types) = &mut property["type"] {
        types.retain(|one| one != "null");
        property["type"] = types.remove(0);
    }
    let Value::Object(property) = property else { return };
    property.retain(|_, value| !value.is_null());
    if let Some(Value::Array(mut choices)) = property.remove("anyOf") {
        choices.retain(|one| one["type"] != "null");
        let Value::Object(choice) = choices.remove(0) else { return };
        property.extend(choice);
    }
}

/// The names that an enum of names consists of, and what each means.
fn names_with_texts(choices: &Value) -> Option<(Value, String)> {
    let choices = choices.as_array()?;
    let names = choices.iter().map(|choice| choice.get("const").cloned()).collect::<Option<Value>>()?;
    let texts = choices
        .iter()
        .map(|choice| Some(format!("{}: {}", choice["const"].as_str()?, choice["description"].as_str()?)));
    Some((names, texts.collect::<Option<Vec<_>>>()?.join(" ")))
}

/// JSON in which what fits into a line is one. The keywords that say what something is come first, then what has to be there.
pub(crate) fn lay_out(schema: &Value, indent: usize) -> String {
    lay_out_by(&KEYWORDS, schema, indent)
}

fn lay_out_by(first: &[&str], value: &Value, indent: usize) -> String {
    let items: Vec<_> = match value {
        Value::Array(items) => items.iter().map(|item| lay_out(item, indent + 2)).collect(),
        Value::Object(members) => {
            let required = value["required"].as_array().into_iter().flatten();
            let required: Vec<_> = required.filter_map(Value::as_str).collect();
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| first.iter().position(|one| one == key).unwrap_or(first.len()));
            let lay_out = |(key, member): &(&String, &Value)| {
                let first = if *key == "properties" { required.as_slice() } else { &KEYWORDS };
                format!("\"{key}\": {}", lay_out_by(first, member, indent + 2))
            };
            members.iter().map(lay_out).collect()
        }
        _ => return value.to_string(),
    };
    let [open, close] = if value.is_array() { ["[", "]"] } else { ["{", "}"] };
    let (line, margin) = (items.join(", "), " ".repeat(indent));
    let is_list_of_names = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
    if is_list_of_names || (indent + line.len() <= COLUMNS && !line.contains('\n')) {
        return format!("{open}{line}{close}");
    }
    format!("{open}\n{margin}  {}\n{margin}{close}", items.join(&format!(",\n{margin}  ")))
}

/// Fails unless the file of this project has this text; with `FOVEA_BLESS` set, writes it.
pub(crate) fn assert_file(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("FOVEA_BLESS").is_some() {
        fs::write(&file, text).expect("the source can be written");
    }
    let has = fs::read_to_string(&file).unwrap_or_default();
    let mut lines = has.lines().zip(text.lines()).zip(1..);
    let differ = lines.find(|((has, should), _)| has != should);
    assert!(
        has == text,
        "{path} differs from the types that are sent: {differ:?}\nTo write it anew: FOVEA_BLESS=1 cargo test --lib schemas"
    );
}

#[test]
fn the_schemas_of_messages_are_those_of_their_types() {
    let mut generator = generator("/$defs");
    generator.subschema_for::<Message>();
    let mut definitions = definitions(generator);
    let mut schema = definitions.remove("Message").expect("it was asked for");
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Messages of fovea's WebSocket port".into();
    schema["$defs"] = definitions.into();
    assert_file("docs/schemas/messages.json", &(lay_out(&schema, 0) + "\n"));
}
