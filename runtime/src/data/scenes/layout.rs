//! Who stands where: fills a street with buildings, plants, furniture, traffic and people.
//!
//! Draws from the random stream never depend on the size of the picture, so a scene is the same scene
//! at every size.

use super::buildings::{self, Facade, Plot};
use super::class;
use super::furniture;
use super::geometry::{Vec3, vec3};
use super::ground;
use super::palette::{GRASS, LEAVES, pick};
use super::people;
use super::plants;
use super::stage::Stage;
use super::street::{Kind, Side};
use super::vehicles;
use crate::random::Stream;
use std::f32::consts::PI;

/// Fills the stage.
pub(super) fn fill(stage: &mut Stage<'_>, random: &mut Stream, facades: &mut Vec<Facade>, plots: &[Plot]) {
    let grass = pick(random, GRASS);
    ground::lay(stage, grass);
    buildings::backdrop(stage, random);
    for plot in plots {
        buildings::build(stage, random, facades, plot);
    }
    for side in Side::BOTH {
        front_gardens(stage, random, plots, side);
        avenue(stage, random, side);
        lamps(stage, random, side);
        parked(stage, random, side);
        signs(stage, random, side);
        railing(stage, random, side);
        pavement(stage, random, side);
    }
    traffic(stage, random);
    riders(stage, random);
    crossing(stage, random);
    junction(stage, random);
}

/// The offset from the road's middle of a point `out` metres beyond the kerb.
fn offset(stage: &Stage<'_>, side: Side, out: f32) -> f32 {
    side.sign() * (stage.street.half + out)
}

/// Hedges, fences and trees between the pavement and what stands behind it.
fn front_gardens(stage: &mut Stage<'_>, random: &mut Stream, plots: &[Plot], side: Side) {
    let street = stage.street;
    let walk = street.walk[side.index()];
    let kind = street.kind;
    let built: Vec<&Plot> = plots.iter().filter(|plot| plot.side == side).collect();
    let leaf = pick(random, LEAVES);
    let fenced = match kind {
        Kind::Downtown | Kind::OldTown => 0.0,
        Kind::Suburb => 0.85,
        Kind::Estate => 0.6,
        Kind::Works => 0.95,
        Kind::Park => 0.85,
    };
    let wooded = if built.is_empty() { 1.0 } else { 0.45 };
    // Where houses stand wall to wall there is a fence only in the gaps.
    let mut s = -2.0;
    while s < 110.0 {
        let length = random.uniform(6.0, 16.0);
        let (from, to) = (s, s + length);
        s = to + if random.chance(0.3) { random.uniform(1.0, 4.0) } else { 0.0 };
        let (roll, high) = (random.unit(), random.uniform(0.8, 1.7));
        let front = offset(stage, side, walk + 0.25);
        let blocked =
            street.junction.is_some_and(|(start, width)| to > start - 1.5 && from < start + width + 1.5);
        let walled = built.iter().any(|plot| plot.setback < 0.6 && plot.from < to && plot.to > from);
        if blocked || walled {
            continue;
        }
        let gap = fenced == 0.0;
        let place = |s: f32| street.place(s, front, super::street::KERB);
        if roll < fenced * 0.7 || gap {
            furniture::fence(stage, random, place(from), place(to));
        } else if roll < fenced {
            plants::hedge(stage, random, place(from), place(to), high, leaf);
        }
        let deep = if built.is_empty() { 30.0 } else { 3.0 };
        let trees = if built.is_empty() { 4 } else { 1 };
        for _ in 0..trees {
            let (at, out, tall) = (random.uniform(from, to), random.unit(), random.uniform(5.0, 12.0));
            if random.chance(wooded) {
                let tall = if built.is_empty() { tall } else { tall * 0.7 };
                let t = offset(stage, side, walk + 1.2 + out * deep);
                let inside = built.iter().any(|plot| {
                    plot.setback < out * deep + 2.5 && plot.from - 1.5 < at && plot.to + 1.5 > at
                });
                if !inside {
                    plants::tree(stage, random, street.place(at, t, 0.0), tall);
                }
            }
        }
        if random.chance(0.4 * wooded + 0.1) {
            let at = street.place(random.uniform(from, to), offset(stage, side, walk + 1.4), 0.0);
            let size = random.uniform(0.7, 1.6);
            plants::bush(stage, random, at, size, leaf);
        }
    }
}

/// A row of trees along the kerb.
fn avenue(stage: &mut Stage<'_>, random: &mut Stream, side: Side) {
    let street = stage.street;
    let chance = match street.kind {
        Kind::Downtown => 0.5,
        Kind::OldTown => 0.2,
        Kind::Suburb => 0.4,
        Kind::Estate => 0.6,
        Kind::Works => 0.2,
        Kind::Park => 0.75,
    };
    let planted = random.chance(chance) && street.walk[side.index()] > 2.0;
    let step = random.uniform(8.0, 15.0);
    let tall = random.uniform(5.5, 10.0);
    let mut s = random.uniform(3.0, 12.0);
    while s < 130.0 {
        let (at, height) = (s + random.uniform(-1.0, 1.0), tall * random.uniform(0.85, 1.15));
        if planted && random.chance(0.85) && !near_junction(stage, at, 2.5) {
            let place = street.stand(at, offset(stage, side, 0.75));
            plants::tree(stage, random, place, height);
        }
        s += step;
    }
}

fn near_junction(stage: &Stage<'_>, s: f32, margin: f32) -> bool {
    stage.street.junction.is_some_and(|(start, width)| s > start - margin && s < start + width + margin)
}

fn lamps(stage: &mut Stage<'_>, random: &mut Stream, side: Side) {
    let street = stage.street;
    let step = random.uniform(17.0, 30.0);
    let tall = random.uniform(4.5, 8.5);
    let present = random.chance(0.8);
    let mut s = random.uniform(5.0, 16.0);
    while s < 150.0 {
        if present && !near_junction(stage, s, 0.6) {
            let place = street.stand(s, offset(stage, side, 0.35));
            furniture::lamp(stage, random, place, vec3(-side.sign(), 0.0, 0.0), tall);
        }
        s += step;
    }
    let guarded = random.chance(0.3);
    let first = random.uniform(3.0, 14.0);
    let count = 4 + random.below(9);
    for at in 0..count {
        let s = first + at as f32 * 1.8;
        if guarded && !near_junction(stage, s, 0.5) {
            furniture::bollard(stage, random, street.stand(s, offset(stage, side, 0.3)));
        }
    }
}

/// A guard rail along the kerb, as near crossings and schools.
fn railing(stage: &mut Stage<'_>, random: &mut Stream, side: Side) {
    let street = stage.street;
    let present = random.chance(match street.kind {
        Kind::Downtown | Kind::OldTown => 0.4,
        Kind::Suburb | Kind::Estate | Kind::Works | Kind::Park => 0.15,
    });
    let (mut s, end) = (random.uniform(4.0, 12.0), random.uniform(14.0, 40.0));
    let shift = random.uniform(0.16, 0.24);
    while s < end {
        let to = s + 6.0;
        let crossed = street.zebras.iter().any(|&z| z > s - 2.5 && z < to + 2.5);
        if present && !crossed && !near_junction(stage, s, 1.0) && !near_junction(stage, to, 1.0) {
            let (a, b) =
                (street.stand(s, offset(stage, side, shift)), street.stand(to, offset(stage, side, shift)));
            furniture::guard(stage, a, b);
        }
        s = to;
    }
}

fn parked(stage: &mut Stage<'_>, random: &mut Stream, side: Side) {
    let street = stage.street;
    let strip = street.parking[side.index()];
    let full = random.uniform(0.45, 0.95);
    let away = side.sign() * street.keep > 0.0;
    let mut s = random.uniform(-2.0, 5.0);
    while s < 120.0 {
        s += random.uniform(5.4, 6.6);
        let zebra = street.zebras.iter().any(|&z| (s - z).abs() < 4.8);
        if !random.chance(full) || strip == 0.0 || near_junction(stage, s, 5.5) || zebra {
            continue;
        }
        let t = offset(stage, side, -1.08 + random.uniform(-0.1, 0.1));
        let turned = if random.chance(0.9) == away { 0.0 } else { PI };
        let heading = street.heading(s) + turned + random.uniform(-0.03, 0.03);
        let place = street.place(s, t, 0.0);
        if random.chance(0.05) {
            vehicles::large(stage, random, place, heading);
            s += 4.0;
        } else {
            vehicles::car(stage, random, place, heading);
        }
    }
}

fn signs(stage: &mut Stage<'_>, random: &mut Stream, side: Side) {
    let street = stage.street;
    let mut s = random.uniform(5.5, 17.0);
    while s < 75.0 {
        // Signs stand by the side that their traffic keeps to, and face it.
        let towards = side.sign() * street.keep > 0.0 || random.chance(0.25);
        let turn = street.heading(s) + random.uniform(-0.25, 0.25) + if towards { 0.0 } else { PI };
        let facing = vec3(-turn.sin(), 0.0, -turn.cos());
        let place = street.stand(s, offset(stage, side, random.uniform(0.35, 0.7)));
        if random.chance(0.14) {
            furniture::board(stage, random, place, facing);
        } else {
            furniture::sign(stage, random, place, facing);
        }
        s += random.uniform(8.0, 24.0);
    }
}

/// People, parked bicycles and clutter on one pavement.
fn pavement(stage: &mut Stage<'_>, random: &mut Stream, side: Side) {
    let street = stage.street;
    let walk = street.walk[side.index()];
    let crowd = match street.kind {
        Kind::Downtown => 9,
        Kind::OldTown => 6,
        Kind::Suburb | Kind::Works => 3,
        Kind::Estate | Kind::Park => 5,
    };
    let count = 1 + random.below(crowd);
    for _ in 0..count {
        let s = 5.0 + 48.0 * random.unit() * random.unit().max(0.25);
        let out = random.uniform(0.9, (walk - 0.4).max(1.0));
        let heading =
            street.heading(s) + if random.chance(0.5) { 0.0 } else { PI } + random.uniform(-0.4, 0.4);
        let place = street.stand(s, offset(stage, side, out));
        people::person(stage, random, place, heading);
        if random.chance(0.3) {
            let beside =
                street.stand(s + random.uniform(-0.4, 0.4), offset(stage, side, (out + 0.65).min(walk)));
            let turn = heading + random.uniform(-0.2, 0.2);
            people::person(stage, random, beside, turn);
        }
    }
    if random.chance(0.5) {
        let (first, bikes) = (random.uniform(5.0, 26.0), 1 + random.below(5));
        let lean = random.uniform(0.5, 1.5);
        for at in 0..bikes {
            let s = first + 0.75 * at as f32;
            if !near_junction(stage, s, 0.5) {
                let place = street.stand(s, offset(stage, side, 0.8));
                let turn = lean + random.uniform(-0.1, 0.1);
                people::bicycle(stage, random, place, turn, false);
            }
        }
    }
    if random.chance(0.25) {
        let s = random.uniform(6.0, 26.0);
        let place = street.stand(s, offset(stage, side, 0.7));
        let turn = random.uniform(0.8, 2.2);
        people::motorcycle(stage, random, place, turn, false);
    }
    for _ in 0..random.below(6) {
        let s = random.uniform(5.0, 45.0);
        let out = if random.chance(0.6) { 0.6 } else { (walk - 0.5).max(0.5) };
        let turn = if random.chance(0.5) { 0.5 * PI } else { 0.0 };
        if !near_junction(stage, s, 0.6) {
            let place = street.stand(s, offset(stage, side, out));
            let turn = street.heading(s) + turn + random.uniform(-0.2, 0.2);
            furniture::clutter(stage, random, place, turn);
        }
    }
}

/// Cars and larger vehicles in the driving lanes.
fn traffic(stage: &mut Stage<'_>, random: &mut Stream) {
    let street = stage.street;
    for away in [true, false] {
        for lane in 0..street.lanes {
            let dense = random.uniform(9.0, 55.0);
            let mut s = random.uniform(9.0, 34.0);
            while s < 140.0 {
                let t = street.lane_middle(lane, away) + random.uniform(-0.25, 0.25);
                let heading = street.heading(s) + if away { 0.0 } else { PI } + random.uniform(-0.02, 0.02);
                let place = street.place(s, t, 0.0);
                if random.chance(0.13) && s > 13.0 {
                    vehicles::large(stage, random, place, heading);
                    s += 8.0;
                } else {
                    vehicles::car(stage, random, place, heading);
                }
                s += 7.0 + dense * random.uniform(0.4, 1.6);
            }
        }
    }
}

/// Cyclists and motorcyclists on the road.
fn riders(stage: &mut Stage<'_>, random: &mut Stream) {
    let street = stage.street;
    let count = 1 + random.below(3);
    for _ in 0..count {
        let away = random.chance(0.6);
        let s = 6.0 + 26.0 * random.unit() * random.unit().max(0.3);
        let outer = if away { street.keep } else { -street.keep };
        let side = if outer > 0.0 { Side::Right } else { Side::Left };
        let edge = offset(stage, side, -street.parking[side.index()] - random.uniform(0.5, 1.0));
        let heading = street.heading(s) + if away { 0.0 } else { PI } + random.uniform(-0.12, 0.12);
        let place = street.place(s, edge, 0.0);
        if random.chance(0.2) {
            people::motorcycle(stage, random, place, heading, true);
        } else {
            people::bicycle(stage, random, place, heading, true);
        }
    }
}

/// People on zebra crossings.
fn crossing(stage: &mut Stage<'_>, random: &mut Stream) {
    let street = stage.street;
    for &zebra in &street.zebras {
        for _ in 0..random.below(4) {
            let t = random.uniform(-1.0, 1.0) * street.half;
            let heading = street.heading(zebra) + if random.chance(0.5) { 0.5 * PI } else { -0.5 * PI };
            let place = street.place(zebra + random.uniform(-1.2, 1.2), t, 0.0);
            if zebra > 5.0 {
                let turn = heading + random.uniform(-0.2, 0.2);
                people::person(stage, random, place, turn);
            }
        }
    }
}

/// Traffic lights, and cars waiting in the side street.
fn junction(stage: &mut Stage<'_>, random: &mut Stream) {
    let street = stage.street;
    let Some((start, width)) = street.junction else { return };
    let lit = random.chance(0.6);
    for side in Side::BOTH {
        let facing = vec3(0.0, 0.0, -1.0);
        if lit {
            let place = street.stand(start - 1.0, offset(stage, side, 0.5));
            furniture::lights(stage, random, place, facing);
            let beyond = street.stand(start + width + 1.0, offset(stage, side, 0.5));
            furniture::lights(stage, random, beyond, facing);
        }
        if random.chance(0.5) {
            let t = offset(stage, side, random.uniform(3.5, 9.0));
            let place: Vec3 = street.place(start + 0.5 * width + 1.6 * side.sign() * street.keep, t, 0.0);
            vehicles::car(stage, random, place, -side.sign() * 0.5 * PI);
        }
    }
    stage.class(class::VOID);
}
