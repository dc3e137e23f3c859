//! The list of scenes: each kind of weather with nobody in it, and with people.

use super::{
    insects::{Moths, Spider, Web},
    lights::{Headlights, Hunting, InfraredFilter},
    people::Company,
    scene::{MakeEffect, Plan},
    swaying::{TreeShadows, Waves},
    weather::{Fog, Rain, Snow},
};

/// What a scene has besides people.
struct Setting {
    name: &'static str,
    behind: &'static [MakeEffect],
    before: &'static [MakeEffect],
    light: f64,
    noise: f64,
    quality: i32,
}

const DAY: Setting = Setting { name: "a calm day", behind: &[], before: &[], light: 1.0, noise: 3.0, quality: 80 };
const NIGHT: Setting = Setting { name: "a calm night", light: 0.45, noise: 5.0, ..DAY };

const SETTINGS: &[Setting] = &[
    Setting { name: "light rain", before: &[|random| Box::new(Rain::new(60, 0.05, random))], ..DAY },
    Setting { name: "rain", before: &[|random| Box::new(Rain::new(200, 0.3, random))], ..DAY },
    Setting { name: "heavy rain at night", before: &[|random| Box::new(Rain::new(500, 2.0, random))], ..NIGHT },
    Setting { name: "snow", before: &[|random| Box::new(Snow::new(220, random))], ..DAY },
    Setting { name: "snow at night", before: &[|random| Box::new(Snow::new(220, random))], ..NIGHT },
    Setting { name: "moths, infrared", before: &[|random| Box::new(Moths::new(0.12, random))], ..NIGHT },
    Setting { name: "a spider, infrared", before: &[|random| Box::new(Spider::new(random))], ..NIGHT },
    Setting { name: "a web in the wind", before: &[|random| Box::new(Web::new(random))], ..NIGHT },
    Setting { name: "headlights", before: &[|random| Box::new(Headlights::new(random))], ..NIGHT },
    Setting { name: "infrared filter switches", before: &[|random| Box::new(InfraredFilter::new(random))], ..DAY },
    Setting { name: "exposure hunts", before: &[|random| Box::new(Hunting::new(random))], ..DAY },
    Setting { name: "dark noise, JPEG quality 25", light: 0.2, noise: 9.0, quality: 25, ..DAY },
    Setting { name: "fog", before: &[|random| Box::new(Fog::new(random))], ..DAY },
    Setting { name: "shadows of trees", behind: &[|random| Box::new(TreeShadows::new(random))], ..DAY },
    Setting { name: "waves", behind: &[|random| Box::new(Waves::new(random))], ..DAY },
];

impl Setting {
    fn with(&self, who: &str, people: Option<(Company, f64, u32)>, seconds: f64) -> Plan {
        Plan {
            name: format!("{who}, {}", self.name),
            people,
            seconds,
            behind: self.behind.to_vec(),
            before: self.before.to_vec(),
            light: self.light,
            noise: self.noise,
            quality: self.quality,
        }
    }
}

/// All scenes; those with nobody in them last `seconds`, the others have `crossings` each.
pub(crate) fn all(seconds: f64, crossings: u32) -> Vec<Plan> {
    let nobody = SETTINGS.iter().map(|setting| setting.with("nobody", None, seconds));
    let calm = [15.0, 30.0, 60.0]
        .map(|contrast| DAY.with(&format!("contrast {contrast}"), Some((Company::Alone, contrast, crossings)), 0.0));
    let companies =
        [("pairs that cross", Company::PairThatCrosses), ("groups of 3", Company::Group), ("who stop", Company::Stops)];
    let companies = companies.map(|(name, company)| DAY.with(name, Some((company, 40.0, crossings)), 0.0));
    let night = NIGHT.with("contrast 30", Some((Company::Alone, 30.0, crossings)), 0.0);
    let spoilt =
        SETTINGS.iter().map(|setting| setting.with("contrast 30", Some((Company::Alone, 30.0, crossings)), 0.0));
    nobody.chain(calm).chain(companies).chain([night]).chain(spoilt).collect()
}
