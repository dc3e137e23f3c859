//! The scenes: what happens in each, and what should be said of it.

use crate::{
    backdrop::{bag, blurred, cap, darkened, fogged, hand, lorry, mirrored, spray, turned},
    picture::SIZE,
    scene::{Light, Plan},
    walker::Walker,
};

/// One scene.
pub(crate) struct Scene {
    pub(crate) plan: Plan,
    /// What is behind everything, and when.
    pub(crate) view: View,
    /// What the event should say, if there should be one.
    pub(crate) reason: Option<&'static str>,
    pub(crate) black_is_covered: bool,
}

/// What the camera looks at.
pub(crate) enum View {
    /// Its view, always.
    Still,
    /// Something else, in steps of half a second, from half of the scene's time to four fifths of it.
    Tampered(Vec<Vec<u8>>),
    /// The very same frame for as long.
    Frozen,
    /// Something else in the first seconds of each minute.
    Passing(Vec<u8>, f64),
    /// The real clip, again and again: people all over the picture.
    Clip,
    /// The night falls, and noise rises with the gain. It is black in the end.
    Nightfall,
    /// Fog takes nine tenths of the contrast in the first half of the time, and gives it back.
    Fog,
}

/// From when to when the camera is tampered with, in a scene of so many seconds.
pub(crate) fn tampered(seconds: f64) -> (f64, f64) {
    (0.5 * seconds, 0.8 * seconds)
}

pub(crate) fn all(view: &[u8], seconds: f64) -> Vec<Scene> {
    let plan = |name: &str| Plan { name: name.into(), seconds, ..Plan::nobody() };
    let walker = Some(Walker { height_px: f64::from(SIZE.height_px) / 4.0, contrast: 60.0, stops_s: 0.0 });
    let scene = |name: &str, reason: Option<&'static str>, view: View| Scene {
        plan: plan(name),
        view,
        reason,
        black_is_covered: false,
    };
    let becomes = |pictures: Vec<Vec<u8>>| View::Tampered(pictures);
    let defocused = |sigma_px: f64| becomes([0.25, 0.5, 0.75, 1.0].map(|part| blurred(view, part * sigma_px)).to_vec());
    let (width, quiet) = (SIZE.width_px as usize, |name: &str| scene(name, None, View::Still));
    let noisy = |scene: Scene| Scene { plan: Plan { noise: 12.0, ..scene.plan }, ..scene };
    vec![
        scene("covered by a hand", Some("covered"), becomes(vec![hand()])),
        noisy(scene("covered by a hand, noise 12", Some("covered"), becomes(vec![hand()]))),
        scene("covered by a bag", Some("covered"), becomes(vec![bag()])),
        scene("sprayed", Some("covered"), becomes(vec![spray(view)])),
        scene("capped: black", None, becomes(vec![cap()])),
        Scene {
            black_is_covered: true,
            ..scene("capped: black, `black_is_covered`", Some("covered"), becomes(vec![cap()]))
        },
        scene("defocused, blur of 0.5 % of the width", Some("defocused"), defocused(4.0)),
        scene("defocused, blur of 1 % of the width", Some("defocused"), defocused(8.0)),
        noisy(scene("defocused, 1 %, noise 12", Some("defocused"), defocused(8.0))),
        scene("turned by a tenth of the width", Some("moved"), becomes(vec![turned(view, width / 10)])),
        scene("turned by a third of the width", Some("moved"), becomes(vec![turned(view, width / 3)])),
        scene("mirrored: another view", Some("moved"), becomes(vec![mirrored(view)])),
        noisy(scene("mirrored, noise 12", Some("moved"), becomes(vec![mirrored(view)]))),
        scene("frozen", Some("frozen"), View::Frozen),
        scene("the real clip", None, View::Clip),
        Scene { plan: Plan { walker, ..plan("a day with walkers") }, ..quiet("") },
        Scene { plan: Plan { noise: 12.0, walker, ..plan("walkers, noise 12") }, ..quiet("") },
        scene("night falls to black, noise rises to 12", None, View::Nightfall),
        Scene { black_is_covered: true, ..scene("night falls, `black_is_covered`", None, View::Nightfall) },
        Scene { plan: Plan { light: Light::Switch, ..plan("lamp switched every minute") }, ..quiet("") },
        scene("lamp out every minute: black for 20 s", None, View::Passing(darkened(view, 0.03), 20.0)),
        scene("light falls to a sixth every minute for 20 s", None, View::Passing(darkened(view, 0.16), 20.0)),
        Scene { plan: Plan { light: Light::Clouds, ..plan("clouds take 33 % in 4 s") }, ..quiet("") },
        scene("fog comes and goes", None, View::Fog),
        scene("fog in an instant, every minute for 20 s", None, View::Passing(fogged(view, 0.2), 20.0)),
        scene("lorry over 4/5 of the picture for 8 s", None, View::Passing(lorry(view), 8.0)),
        scene("turned by 0.5 % of the width, for good", None, becomes(vec![turned(view, width / 200)])),
        Scene { plan: Plan { shake: true, ..plan("camera shakes by a pixel") }, ..quiet("") },
        Scene { plan: Plan { tree: true, ..plan("tree waves") }, ..quiet("") },
    ]
}
