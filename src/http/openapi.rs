//! The schemas in `openapi.json`, made from the types that are serialised and compared with the file. For tests only.

use super::{
    api::{CameraInfo, ServerStatus},
    control::Detection,
    event_list::{EventPage, EventRecord},
    event_stream::RecentEvent,
    login::{Login, Session},
};
use crate::{
    event::external::Trigger,
    message::Message,
    schema::{assert_file, definitions, generator, lay_out},
};

/// What this port never sends: it belongs to the WebSocket port alone.
const ELSEWHERE: [&str; 4] = ["Hello", "Limits", "Taken", "Clock"];

#[test]
fn the_schemas_of_the_api_are_those_of_its_types() {
    let mut generator = generator("/components/schemas");
    generator.subschema_for::<ServerStatus>();
    generator.subschema_for::<CameraInfo<'_>>();
    generator.subschema_for::<RecentEvent<'_>>();
    generator.subschema_for::<EventPage<'_>>();
    generator.subschema_for::<EventRecord<'_>>();
    generator.subschema_for::<Trigger>();
    generator.subschema_for::<Detection>();
    generator.subschema_for::<Session<'_>>();
    generator.subschema_for::<Login>();
    generator.subschema_for::<Message>();
    let mut definitions = definitions(generator);
    let is_elsewhere = |to: &str| ELSEWHERE.iter().any(|name| to.ends_with(&format!("/{name}")));
    let types = definitions["Message"]["oneOf"].as_array_mut().expect("there are several");
    types.retain(|one| !one["$ref"].as_str().is_some_and(is_elsewhere));
    definitions.retain(|name, _| !ELSEWHERE.contains(&name.as_str()));

    let text = include_str!("openapi.json");
    let (before, _) = text.split_once("    \"schemas\": ").expect("the schemas stand at the end");
    let schemas = lay_out(&definitions.into(), 4);
    assert_file("src/http/openapi.json", &format!("{before}    \"schemas\": {schemas}\n  }}\n}}\n"));
}
