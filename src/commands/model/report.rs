//! What `fovea model check` says of a network.

use std::{fmt::Write as _, path::Path};

use crate::{
    commands::{Failure, print_line},
    model::{
        detector::Opened,
        file::ModelFile,
        labels::COCO,
        letterbox::Fit,
        manifest::{Layout, Order},
        onnx::{Kind, Port},
    },
};

/// Prints what a network is, and with `with_table` a table for the configuration.
pub(super) fn print(file: &ModelFile, opened: &Opened, with_table: bool) -> Result<(), Failure> {
    let Opened { detector, first, second } = opened;
    let survey = &file.survey;
    let preparation = detector.preparation();
    let name = |value| Layout::NAMES.iter().find(|(_, layout)| *layout == value).map_or("", |(name, _)| name);
    let order = |value| Order::NAMES.iter().find(|(_, order)| *order == value).map_or("", |(name, _)| name);
    let fit = |value| Fit::NAMES.iter().find(|(_, fit)| *fit == value).map_or("", |(name, _)| name);
    print_line(format_args!("{}: good", file.path.display()))?;
    let line = |title: &str, text: &str| print_line(format_args!("  {title:<9} {text}"));
    let producer = if survey.producer.is_empty() { String::new() } else { format!(", made by {}", survey.producer) };
    line("file", &format!("{} bytes{producer}", file.bytes.len()))?;
    line("sha256", &file.sha256_text())?;
    line("network", &format!("{} operators, {} weights", survey.nodes, survey.parameters))?;
    let picture = format!(
        "a picture of {}, {}, {}, {}",
        detector.input(),
        name(preparation.layout),
        order(preparation.order),
        fit(preparation.fit)
    );
    line("input", &format!("{}: {picture}", described(&survey.inputs[0])))?;
    for output in &first.outputs {
        line("output", &format!("{} {}", output.name(), output.printed_shape()))?;
    }
    let (decoder, classes) = (detector.decoder().name(), detector.classes());
    let labels = match classes {
        1 => "1 class".to_owned(),
        _ if classes == COCO.len() => "80 classes (as many as coco has)".to_owned(),
        _ => format!("{classes} classes"),
    };
    line("decoder", &format!("{decoder}, {labels}"))?;
    line("engine", detector.network().engine())?;
    let ms = |time: std::time::Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    line(
        "time",
        &format!(
            "{} a run on one core; the first {}, opening {}",
            ms(second.time),
            ms(first.time),
            ms(detector.network().open_time())
        ),
    )?;
    line("memory", &format!("{} MiB, this program's own included", second.peak_memory_bytes.div_ceil(1 << 20)))?;
    if with_table {
        print_line("")?;
        print_line("For the configuration, with the file beside it:")?;
        print_line("")?;
        for line in table(file, decoder, classes).lines() {
            print_line(line)?;
        }
    }
    Ok(())
}

fn table(file: &ModelFile, decoder: &str, classes: usize) -> String {
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut table = format!("[model.{}]\n", table_name(&file.path));
    // TOML's basic strings are written as Rust's, as far as names of files go.
    let _ = writeln!(table, "file = {name:?}\nsha256 = \"{}\"\ndecoder = \"{decoder}\"", file.sha256_text());
    match classes {
        _ if classes == COCO.len() => table.push_str("labels = \"coco\"\n"),
        1 if decoder == "yunet" => table.push_str("labels = [\"face\"]\n"),
        _ => table.push_str("labels = [\"...\"] # the names of its classes, in their order\n"),
    }
    table
}

/// A name for the table, made of the file's.
fn table_name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(allowed).take(32).collect();
    let name = name.trim_matches(['-', '_']);
    if name.is_empty() { "things".to_owned() } else { name.to_owned() }
}

fn described(port: &Port) -> String {
    let sides = port.shape.iter().map(|side| side.map_or("?".to_owned(), |side| side.to_string()));
    let kind = if port.kind == Kind::Byte { " bytes" } else { "" };
    format!("{} {}{kind}", port.name, sides.collect::<Vec<_>>().join("x"))
}
