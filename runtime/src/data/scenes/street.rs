//! The street's plan: cross-section, bend, slope, crossings, and how buildings shade it.
//!
//! Street coordinates are `s`, metres along the road from the camera, and `t`, metres to the right of
//! the road's middle; [`Street::place`] turns them into the world.

use super::geometry::{Vec3, smoothstep, vec3};
use super::light::Light;
use crate::random::Stream;

/// The street begins this far behind the camera, metres.
pub(super) const BEGIN: f32 = -24.0;
/// and ends this far ahead.
pub(super) const END: f32 = 210.0;
/// Height of the pavement over the road, metres.
pub(super) const KERB: f32 = 0.13;

/// What kind of street it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Tall fronts, shops, wide road.
    Downtown,
    /// Low plastered fronts wall to wall.
    OldTown,
    /// Houses in gardens, hedges and fences.
    Suburb,
    /// Blocks of flats with trees and lawns.
    Estate,
    /// Sheds, yards and fences.
    Works,
    /// Trees on at least one side.
    Park,
}

/// A side of the street.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// t is negative.
    Left,
    /// t is positive.
    Right,
}

impl Side {
    /// Both.
    pub(super) const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The sign of t.
    pub(super) fn sign(self) -> f32 {
        match self {
            Self::Left => -1.0,
            Self::Right => 1.0,
        }
    }

    /// 0 or 1.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }
}

/// The plan of one street.
#[derive(Clone, Debug)]
pub(super) struct Street {
    /// What kind.
    pub(super) kind: Kind,
    /// Half the carriageway, parking included, metres.
    pub(super) half: f32,
    /// Width of a parking strip on the left and right, 0 where there is none.
    pub(super) parking: [f32; 2],
    /// Driving lanes each way.
    pub(super) lanes: u32,
    /// Width of a lane, metres.
    pub(super) lane: f32,
    /// Width of the pavement, left and right.
    pub(super) walk: [f32; 2],
    /// +1 where traffic keeps right, -1 where it keeps left.
    pub(super) keep: f32,
    /// Curvature, 1/m; positive bends to the right.
    pub(super) bend: f32,
    /// Second derivative of the height.
    pub(super) climb: f32,
    /// A side street: where it starts and how wide it is.
    pub(super) junction: Option<(f32, f32)>,
    /// Zebra crossings, by their middle.
    pub(super) zebras: Vec<f32>,
    /// Height of the fronts, for each metre from [`BEGIN`], left and right.
    pub(super) skyline: [Vec<f32>; 2],
    /// Distance of the fronts from the middle of the road, left and right.
    pub(super) fronts: [f32; 2],
}

impl Street {
    /// Draws a plan, still without buildings.
    pub(super) fn draw(random: &mut Stream) -> Self {
        let kind = match random.below(20) {
            0..=5 => Kind::Downtown,
            6..=9 => Kind::OldTown,
            10..=13 => Kind::Suburb,
            14..=16 => Kind::Estate,
            17 => Kind::Works,
            _ => Kind::Park,
        };
        let wide = match kind {
            Kind::Downtown | Kind::Works => 0.45,
            Kind::OldTown => 0.05,
            Kind::Suburb | Kind::Estate | Kind::Park => 0.2,
        };
        let lanes = if random.chance(wide) { 2 } else { 1 };
        let lane = random.uniform(2.9, 3.6);
        let mut parking = [0.0; 2];
        for strip in &mut parking {
            if random.chance(0.6) {
                *strip = 2.1;
            }
        }
        let half = lanes as f32 * lane + 0.5 * (parking[0] + parking[1]) + random.uniform(0.1, 0.5);
        let broad = match kind {
            Kind::Downtown => 2.0,
            Kind::OldTown => 0.4,
            Kind::Suburb | Kind::Works => 0.7,
            Kind::Estate | Kind::Park => 1.4,
        };
        let walk = [0, 1].map(|_| random.uniform(1.6, 2.6) + broad * random.unit());
        let bend = if random.chance(0.55) {
            random.uniform(-1.0, 1.0) / 160.0
        } else {
            random.uniform(-1.0, 1.0) / 900.0
        };
        let climb = if random.chance(0.3) { random.uniform(-1.0, 1.0) / 2200.0 } else { 0.0 };
        let keep = if random.chance(0.75) { 1.0 } else { -1.0 };
        let junction = random.chance(0.5).then(|| (random.uniform(9.0, 55.0), random.uniform(6.0, 10.0)));
        let mut zebras = Vec::new();
        if let Some((start, width)) = junction {
            if random.chance(0.6) {
                zebras.push(start - 3.0);
            }
            if random.chance(0.5) {
                zebras.push(start + width + 3.0);
            }
        } else if random.chance(0.35) {
            zebras.push(random.uniform(9.0, 35.0));
        }
        let fronts = [half + walk[0], half + walk[1]];
        let metres = (END - BEGIN) as usize + 1;
        Self {
            kind,
            half,
            parking,
            lanes,
            lane,
            walk,
            keep,
            bend,
            climb,
            junction,
            zebras,
            skyline: [vec![0.0; metres], vec![0.0; metres]],
            fronts,
        }
    }

    /// How far the road's middle has moved to the right at `s`.
    pub(super) fn shift(&self, s: f32) -> f32 {
        let s = s.max(0.0);
        0.5 * self.bend * s * s
    }

    /// The world place of a point `h` metres over the road.
    pub(super) fn place(&self, s: f32, t: f32, h: f32) -> Vec3 {
        let climb = s.max(0.0);
        vec3(self.shift(s) + t, 0.5 * self.climb * climb * climb + h, s)
    }

    /// The place where one stands: on the road, or on the pavement beside it.
    pub(super) fn stand(&self, s: f32, t: f32) -> Vec3 {
        let raised = t.abs() > self.half && !self.in_junction(s);
        self.place(s, t, if raised { KERB } else { 0.0 })
    }

    /// The street's direction at `s`, in radians from +z towards +x.
    pub(super) fn heading(&self, s: f32) -> f32 {
        (self.bend * s.max(0.0)).atan()
    }

    /// True where a side street meets the road.
    pub(super) fn in_junction(&self, s: f32) -> bool {
        self.junction.is_some_and(|(start, width)| s > start && s < start + width)
    }

    /// The middle of driving lane `index` (0 next to the middle) for traffic that goes away (`true`) or
    /// comes towards the camera.
    pub(super) fn lane_middle(&self, index: u32, away: bool) -> f32 {
        let side = if away { self.keep } else { -self.keep };
        let middle = 0.5 * (self.parking[0] - self.parking[1]);
        middle + side * self.lane * (index as f32 + 0.5)
    }

    /// Notes a building front of height `height` between `from` and `to`.
    pub(super) fn note_front(&mut self, side: Side, from: f32, to: f32, height: f32) {
        let first = (from - BEGIN).max(0.0) as usize;
        let last = ((to - BEGIN).max(0.0) as usize).min(self.skyline[0].len());
        if first < last {
            self.skyline[side.index()][first..last].fill(height);
        }
    }

    /// Share of sunlight that the rows of buildings let through to a point, 0 to 1.
    pub(super) fn sunlight(&self, light: &Light, p: Vec3) -> f32 {
        let sun = light.to_sun;
        if light.sun.x <= 0.0 {
            return 0.0;
        }
        let t = p.x - self.shift(p.z);
        let side = if sun.x > 0.0 { Side::Right } else { Side::Left };
        // The ridge stands a little behind the front.
        let across = (self.fronts[side.index()] + 1.5) * side.sign() - t;
        if across * sun.x <= 0.0 || sun.x.abs() < 1e-3 {
            return 1.0;
        }
        let way = across / sun.x;
        let (height, s) = (p.y + sun.y * way, p.z + sun.z * way);
        let at = s - BEGIN;
        let row = &self.skyline[side.index()];
        if at < 0.0 || at >= row.len() as f32 - 1.0 {
            return 1.0;
        }
        let cell = at as usize;
        let part = at - cell as f32;
        let soft = 0.12 + 0.02 * way;
        let clear = |roof: f32| smoothstep(-soft, soft, height - roof);
        clear(row[cell]) * (1.0 - part) + clear(row[cell + 1]) * part
    }
}
