//! Holds what fovea says against the schemas that it publishes.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema of the WebSocket port's messages.
static MESSAGES: LazyLock<Validator> = LazyLock::new(|| {
    let text = include_str!("../../docs/schemas/messages.json");
    strict(serde_json::from_str(text).expect("what is published is JSON"))
});

/// What is wrong with a message of the WebSocket port.
pub(crate) fn faults(message: &Value) -> Vec<String> {
    faults_by(&MESSAGES, message)
}

/// What is wrong with a value, by a schema.
pub(crate) fn faults_by(schema: &Validator, value: &Value) -> Vec<String> {
    schema.iter_errors(value).map(|error| error.to_string()).collect()
}

/// Fails if a message of the WebSocket port is not as published.
pub(crate) fn assert_published(message: &Value) {
    let faults = faults(message);
    assert!(faults.is_empty(), "docs/schemas/messages.json does not describe {message}: {faults:?}");
}

/// A published schema, which leaves room for fields of later versions, without that room: what it does not name is wrong.
/// Further fields of a result are what stages say, which are objects.
pub(crate) fn strict(mut schema: Value) -> Validator {
    close(&mut schema);
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&schema).expect("what is published is a schema")
}

fn close(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") {
                let is_open = members.contains_key("additionalProperties");
                let others = if is_open { json!({ "type": "object" }) } else { json!(false) };
                members.insert("additionalProperties".into(), others);
            }
        }
        _ => {}
    }
}
