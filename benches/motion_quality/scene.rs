//! Composed scenes: what happens in them, and how their frames are made.

use fovea::{config::zone::Zone, message::Rect};
use turbojpeg::ScalingFactor;

use crate::{
    picture::{RATE_HZ, SIZE},
    random::Random,
    walker::{Truth, Walker},
};

const WIDTH: usize = SIZE.width_px as usize;
const HEIGHT: usize = SIZE.height_px as usize;

/// What happens in a scene.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    /// Standard deviation of each pixel's noise in grey levels, before JPEG.
    pub(crate) noise: f64,
    pub(crate) light: Light,
    /// The camera jumps by up to a pixel each way, every frame.
    pub(crate) shake: bool,
    pub(crate) tree: bool,
    pub(crate) walker: Option<Walker>,
    pub(crate) zones: Vec<Zone>,
    /// What it is looked at by: half its size is 384x288.
    pub(crate) scale: ScalingFactor,
}

impl Plan {
    /// An empty scene that lasts no time.
    pub(crate) fn nobody() -> Self {
        Self {
            name: String::new(),
            seconds: 0.0,
            noise: 3.0,
            light: Light::Constant,
            shake: false,
            tree: false,
            walker: None,
            zones: Vec::new(),
            scale: ScalingFactor::ONE_HALF,
        }
    }

    /// When its frames are captured, in seconds.
    pub(crate) fn times(&self) -> impl Iterator<Item = f64> + use<> {
        let frames = (self.seconds * f64::from(RATE_HZ)) as u32;
        (0..frames).map(|number| f64::from(number) / f64::from(RATE_HZ))
    }

    /// How often the whole scene changes.
    pub(crate) fn scene_changes(&self) -> u32 {
        match self.light {
            Light::Switch => ((self.seconds - 1.0) / 60.0) as u32,
            _ => 0,
        }
    }
}

/// How the light goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Light {
    Constant,
    /// A quarter up and down in two minutes.
    Drift,
    /// Every minute a cloud takes a third of the light within four seconds, for half a minute.
    Clouds,
    /// Every minute a lamp at the right is switched on or off.
    Switch,
}

/// Makes the frames of a plan, all of them the same at each run.
pub(crate) struct Composer<'a> {
    plan: &'a Plan,
    background: &'a [u8],
    covered: &'a [u8],
    noise: Vec<i8>,
    foliage: Vec<i8>,
    random: Random,
    drawn: Vec<u8>,
    frame: Vec<u8>,
}

const TREE: (usize, usize, usize, usize) = (60, 60, 180, 200); // x, y, width, height

/// The zone of the tree, with some room.
pub(crate) fn tree_zone() -> Zone {
    let (x, y, width, height) = TREE;
    let across = |px: usize| px as f32 / WIDTH as f32;
    let down = |px: usize| px as f32 / HEIGHT as f32;
    let (left, right) = (across(x - 12), across(x + width + 12));
    let (upper, lower) = (down(y - 12), down(y + height + 12));
    Zone::ignored(vec![[left, upper], [right, upper], [right, lower], [left, lower]])
}

impl<'a> Composer<'a> {
    /// `background` and `covered`, its mean around each pixel, are rows without padding of [`SIZE`].
    pub(crate) fn new(plan: &'a Plan, background: &'a [u8], covered: &'a [u8]) -> Self {
        let mut random = Random::new(plan.name.len() as u64);
        let noise = (0..1 << 21).map(|_| (random.gaussian() * plan.noise) as i8).collect();
        let foliage = foliage(&mut random);
        Self {
            plan,
            background,
            covered,
            noise,
            foliage,
            random,
            drawn: background.to_vec(),
            frame: background.to_vec(),
        }
    }

    /// The frame at `time` and the truth about it.
    pub(crate) fn compose(&mut self, time: f64) -> (&[u8], Truth) {
        self.compose_over(self.background, time)
    }

    /// The same, with another picture behind everything.
    pub(crate) fn compose_over(&mut self, background: &[u8], time: f64) -> (&[u8], Truth) {
        self.drawn.copy_from_slice(background);
        if self.plan.tree {
            self.draw_tree(time);
        }
        let truth = self.plan.walker.map_or(Truth::Nobody, |walker| self.draw_walker(walker, time));
        self.expose(time);
        (&self.frame, truth)
    }

    fn draw_walker(&mut self, walker: Walker, time: f64) -> Truth {
        let truth = walker.truth(time);
        let Some(Rect { x, y, width, height }) = truth.bounds() else { return truth };
        for row in y..y + height {
            for column in x..x + width {
                if walker.covers(time, column, row) {
                    let i = row as usize * WIDTH + column as usize;
                    self.drawn[i] = (f64::from(self.covered[i]) + walker.difference(time)) as u8;
                }
            }
        }
        truth
    }

    /// Leaves that sway by up to six pixels as gusts come and go.
    fn draw_tree(&mut self, time: f64) {
        let (x, y, width, height) = TREE;
        let gust = 6.0 * (time * 0.35).sin().powi(2);
        for row in 0..height {
            let sway = gust * (time * 4.1 + row as f64 / 23.0).sin();
            for column in 0..width {
                let lift = gust * 0.5 * (time * 3.3 + column as f64 / 17.0).sin();
                let from_row = (row as f64 + 8.0 + lift) as usize;
                let from_column = (column as f64 + 8.0 + sway) as usize;
                let leaf = self.foliage[from_row * (width + 16) + from_column];
                let i = (y + row) * WIDTH + x + column;
                self.drawn[i] = 70_u8.saturating_add_signed(leaf);
            }
        }
    }

    /// Light, shake and noise.
    fn expose(&mut self, time: f64) {
        let gains: Vec<u16> = (0..WIDTH).map(|column| (self.gain(time, column) * 256.0) as u16).collect();
        let (right, down) = if self.plan.shake { (self.random.below(3), self.random.below(3)) } else { (1, 1) };
        let from = self.random.below(self.noise.len() - self.frame.len());
        let noise = self.noise[from..].chunks_exact(WIDTH);
        let rows = self.frame.chunks_exact_mut(WIDTH).zip(noise).enumerate();
        let mut wide = vec![0; WIDTH + 2]; // a row and its neighbours, mirrored: what a shaken camera shows there
        for (row, (frame, noise)) in rows {
            let from_row = (row + down).checked_sub(1).unwrap_or(1).min(HEIGHT - 1);
            let drawn = &self.drawn[from_row * WIDTH..][..WIDTH];
            wide[1..=WIDTH].copy_from_slice(drawn);
            (wide[0], wide[WIDTH + 1]) = (drawn[1], drawn[WIDTH - 2]);
            let inside = wide[right..].iter().zip(&gains).zip(noise);
            for (pixel, ((&drawn, &gain), &noise)) in frame.iter_mut().zip(inside) {
                let lit = ((u32::from(drawn) * u32::from(gain)) >> 8).min(255) as u8;
                *pixel = lit.saturating_add_signed(noise);
            }
        }
    }

    fn gain(&self, time: f64, column: usize) -> f64 {
        let minute = time % 60.0;
        match self.plan.light {
            Light::Constant => 1.0,
            Light::Drift => 1.0 + 0.25 * (std::f64::consts::TAU * time / 120.0).sin(),
            Light::Clouds => {
                1.0 - 0.33 * ((minute - 10.0) / 4.0).clamp(0.0, 1.0) * ((44.0 - minute) / 4.0).clamp(0.0, 1.0)
            }
            Light::Switch if time % 120.0 < 60.0 => 0.4,
            Light::Switch => 0.5 + 0.6 * column as f64 / WIDTH as f64,
        }
    }
}

/// Blotches of a few pixels, up to 40 grey levels either way.
fn foliage(random: &mut Random) -> Vec<i8> {
    let (width, height) = (TREE.2 + 16, TREE.3 + 16);
    let white: Vec<f64> = (0..width * height).map(|_| random.gaussian()).collect();
    let blotch = |i: usize| {
        let around = (0..5).flat_map(|row| (0..5).map(move |column| row * width + column));
        let sum: f64 = around.map(|offset| white[(i + offset) % white.len()]).sum();
        (sum / 5.0 * 25.0).clamp(-50.0, 50.0) as i8
    };
    (0..white.len()).map(blotch).collect()
}
