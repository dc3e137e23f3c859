//! `[processor]`, or any number of `[[processor]]`: the threads that look at frames, and which stages look on which.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use toml::Spanned;

use super::{
    Camera, Config,
    value::{Name, Table, Whole},
    violation::Violation,
};
use crate::{stage::Stages, system::cores::Wanted};

/// The name of the processor that there is in any case, and on which stages look that do not choose one.
pub const MAIN: &str = "main";

/// Where a processor runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// Its name, by which stages choose it. Default `main`.
    pub name: String,
    /// Its core; the highest-numbered one that is free if not given, as long as one is left for the other threads.
    pub core: Option<usize>,
    /// SCHED_FIFO priority, 1 to 99; ordinary scheduling if not given.
    pub realtime_priority: Option<u8>,
    /// Whether JPEGs of which only small luma is wanted are decoded by its DC coefficients alone. Default yes: the pixels are
    /// the same.
    pub fast_luma: bool,
}

impl Processor {
    /// The processor as it is if nothing is written but its name.
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), core: None, realtime_priority: None, fast_luma: true }
    }
}

impl Config {
    /// The cores that its processors want. The name of an only one is left out.
    #[must_use]
    pub fn wanted_cores(&self) -> Vec<Wanted<'_>> {
        let are_several = self.processors.len() > 1;
        let names = self.processors.iter().map(|one| one.name.as_str());
        names
            .zip(&self.processors)
            .map(|(name, one)| Wanted { name: are_several.then_some(name), core: one.core })
            .collect()
    }
}

/// Those stages of a camera that look on one processor.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessorStages {
    /// The processor's name.
    pub processor: String,
    /// The stages.
    pub stages: Stages,
}

/// The table as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    name: Option<Spanned<Name>>,
    /// 1023 is the last core the kernel's ordinary CPU set can name.
    core: Option<Spanned<Whole<0, 1023>>>,
    realtime_priority: Option<Whole<1, 99>>,
    fast_luma: Option<bool>,
}

/// All tables as written: one in single brackets, or a list of them.
#[derive(Debug, Default)]
pub(super) struct WrittenList(Vec<Spanned<Table<Written>>>);

impl<'de> Deserialize<'de> for WrittenList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor(PhantomData<WrittenList>);
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = WrittenList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenList, A::Error> {
                let table = Written::deserialize(MapAccessDeserializer::new(map))?;
                Ok(WrittenList(vec![Spanned::new(0..0, table.into())])) // never told of: it is the only one
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut tables: A) -> Result<WrittenList, A::Error> {
                let mut all = Vec::new();
                while let Some(table) = tables.next_element()? {
                    all.push(table);
                }
                Ok(WrittenList(all))
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

impl WrittenList {
    /// The processors, `main` first, whether it is written or not; the others in the order of the file.
    pub(super) fn check(&self, violations: &mut Vec<Violation>) -> Vec<Processor> {
        let mut main = None;
        let mut others: Vec<Processor> = Vec::new();
        for table in &self.0 {
            let Written { name, core, realtime_priority, fast_luma } = &**table.get_ref();
            let given = name.as_ref().map_or(MAIN, |name| &name.get_ref().0);
            let mut processor = Processor::named(given);
            processor.core = core.as_ref().map(|core| core.get_ref().usize());
            processor.realtime_priority = realtime_priority.map(Whole::u8);
            processor.fast_luma = fast_luma.unwrap_or(processor.fast_luma);
            let mut earlier = main.iter().chain(&others);
            if earlier.clone().any(|other| other.name == given) {
                let (span, what) = match name {
                    Some(name) => (name.span(), "another processor has this name: choose a different one"),
                    None => (table.span(), "another processor is called main, as one without a name is: add a name"),
                };
                violations.push(Violation::new(span, what));
            }
            if let Some(core) = core
                && let Some(other) = earlier.find(|other| other.core == processor.core)
            {
                let what = format!("the processor {} already has this core: choose another", other.name);
                violations.push(Violation::new(core.span(), what));
            }
            if given == MAIN {
                main = Some(processor);
            } else {
                others.push(processor);
            }
        }
        let main = main.unwrap_or_else(|| Processor::named(MAIN));
        [vec![main], others].concat()
    }
}

/// Adds those on which stages look that choose none, unless they are configured.
pub(super) fn add_defaults(processors: &mut Vec<Processor>, names: &[&str]) {
    for name in names {
        if !processors.iter().any(|processor| processor.name == *name) {
            processors.push(Processor::named(name));
        }
    }
}

/// What is odd about the processors that no stage of the `cameras` chooses.
pub(super) fn unused<'l>(list: &'l WrittenList, cameras: &'l [Camera]) -> impl Iterator<Item = Violation> + 'l {
    let names = list.0.iter().filter_map(|table| table.get_ref().name.as_ref());
    let is_used = |name: &str| {
        name == MAIN || cameras.iter().any(|camera| camera.processors.iter().any(|part| part.processor == name))
    };
    names.filter(move |name| !is_used(&name.get_ref().0)).map(|name| {
        let key = format!("processor = \"{}\"", name.get_ref().0);
        let what = format!("no stage looks on this processor: add {key} to the table of a stage, or remove this one");
        Violation::warning(name.span(), what)
    })
}

/// A camera's stages by processor, in the order of `processors`: those that choose none look on `main`. A camera without
/// stages has its frames looked at there too. `chosen` has what single stages choose.
pub(super) fn assign(
    stages: &Stages,
    chosen: &[(&'static str, &Spanned<Name>)],
    processors: &[Processor],
    violations: &mut Vec<Violation>,
) -> Vec<ProcessorStages> {
    for (_, name) in chosen {
        if !processors.iter().any(|processor| processor.name == name.get_ref().0) {
            let names: Vec<_> = processors.iter().map(|processor| processor.name.as_str()).collect();
            let what = format!("there is no processor of this name; there are: {}", names.join(", "));
            violations.push(Violation::new(name.span(), what).unless("processor"));
        }
    }
    let defaults = stages.default_processors();
    let choice = |stage: &str| {
        let of_stage = chosen.iter().find(|(other, _)| *other == stage);
        let default = defaults.iter().find(|(other, _)| *other == stage).map_or(MAIN, |(_, name)| *name);
        of_stage.map_or(default, |(_, name)| &name.get_ref().0)
    };
    let on = |processor: &Processor| ProcessorStages {
        processor: processor.name.clone(),
        stages: stages.only(|stage| choice(stage) == processor.name),
    };
    let mut all: Vec<_> = processors.iter().map(on).collect();
    if stages.names().is_empty() {
        all.truncate(1);
    } else {
        all.retain(|part| !part.stages.names().is_empty());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_fast_luma_of_its_own() {
        let camera = "[[camera]]\nname = \"door\"\n[camera.motion]\n";
        let cases: [(&str, &[(&str, bool)]); 4] = [
            ("", &[("main", true)]),
            ("[processor]\nfast_luma = false\n", &[("main", false)]),
            ("[[processor]]\nname = \"slow\"\nfast_luma = false\n", &[("main", true), ("slow", false)]),
            ("[[processor]]\nname = \"slow\"\n[[processor]]\nfast_luma = false\n", &[("main", false), ("slow", true)]),
        ];
        for (text, expected) in cases {
            let config = Config::parse("fovea.toml", &format!("{text}{camera}")).expect("it is good");
            let found: Vec<_> = config.processors.iter().map(|one| (one.name.as_str(), one.fast_luma)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
