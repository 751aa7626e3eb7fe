//! Buildings: fronts with windows, shops, roofs, balconies and awnings, along one side of the street.

use super::class;
use super::geometry::{Colour, Frame, Pose, UP, Vec3, vec3};
use super::palette::{AWNINGS, ROOFS, TRIMS, WALLS, pick, vary};
use super::raster::Material;
use super::stage::Stage;
use super::street::{KERB, Kind, Side, Street};
use crate::random::Stream;

/// What a wall is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wall {
    /// Smooth, with stains.
    Plaster,
    /// Courses of bricks.
    Brick,
    /// Large slabs.
    Slab,
    /// Glass between thin bars.
    Curtain,
    /// Corrugated sheet.
    Sheet,
}

/// What the ground floor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroundFloor {
    /// As the floors above, with a door.
    Same,
    /// Shop windows under a sign.
    Shop,
    /// Rusticated stone with arches.
    Base,
    /// Large gates.
    Gates,
}

/// How a façade looks; lengths in metres.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facade {
    /// The wall.
    pub(super) wall: Colour,
    /// Frames, sills and cornices.
    pub(super) trim: Colour,
    /// Shop sign or doors.
    pub(super) accent: Colour,
    /// What the wall is made of.
    pub(super) pattern: Wall,
    /// The ground floor.
    pub(super) ground: GroundFloor,
    /// Height of the ground floor.
    pub(super) base: f32,
    /// Height of a storey.
    pub(super) storey: f32,
    /// Width of a bay.
    pub(super) bay: f32,
    /// Window width over bay width, and height over storey height.
    pub(super) window: [f32; 2],
    /// Height of the wall.
    pub(super) height: f32,
    /// Share of windows that are lit.
    pub(super) lit: f32,
    /// Number for its stains and curtains.
    pub(super) seed: u32,
}

/// A building to be put up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    /// Which side of the street.
    pub(super) side: Side,
    /// Where it starts and ends along the street.
    pub(super) from: f32,
    /// See `from`.
    pub(super) to: f32,
    /// Distance of its front from the pavement.
    pub(super) setback: f32,
    /// From front to back.
    pub(super) depth: f32,
    /// Rise of the roof; 0 for a flat one.
    pub(super) roof: f32,
    /// Its looks.
    pub(super) look: Facade,
    /// Colour of the roof.
    pub(super) tiles: Colour,
}

/// Draws a façade for a street of this kind.
pub(super) fn look(random: &mut Stream, kind: Kind, lamps: bool) -> Facade {
    let (storeys, storey) = match kind {
        Kind::Downtown => (random.uniform(4.0, 9.5), random.uniform(3.0, 3.7)),
        Kind::OldTown => (random.uniform(2.2, 4.8), random.uniform(2.8, 3.4)),
        Kind::Suburb => (random.uniform(1.0, 2.9), random.uniform(2.6, 3.0)),
        Kind::Estate => (random.uniform(3.0, 8.0), random.uniform(2.7, 3.0)),
        Kind::Works => (random.uniform(1.0, 3.0), random.uniform(3.2, 4.5)),
        Kind::Park => (random.uniform(2.0, 6.0), random.uniform(2.9, 3.4)),
    };
    let storeys = storeys.floor();
    let roll = random.unit();
    let pattern = match kind {
        Kind::Downtown if roll < 0.25 => Wall::Curtain,
        Kind::Downtown | Kind::Estate if roll < 0.55 => Wall::Slab,
        Kind::Works if roll < 0.6 => Wall::Sheet,
        Kind::Downtown | Kind::OldTown | Kind::Suburb | Kind::Estate | Kind::Works | Kind::Park => {
            if roll > 0.68 { Wall::Brick } else { Wall::Plaster }
        }
    };
    let shop = random.unit();
    let ground = match kind {
        Kind::Downtown => {
            if shop < 0.7 {
                GroundFloor::Shop
            } else {
                GroundFloor::Base
            }
        }
        Kind::OldTown => {
            if shop < 0.45 {
                GroundFloor::Shop
            } else {
                GroundFloor::Same
            }
        }
        Kind::Works => {
            if shop < 0.6 {
                GroundFloor::Gates
            } else {
                GroundFloor::Same
            }
        }
        Kind::Suburb => {
            if shop < 0.2 {
                GroundFloor::Gates
            } else {
                GroundFloor::Same
            }
        }
        Kind::Estate | Kind::Park => {
            if shop < 0.15 {
                GroundFloor::Shop
            } else {
                GroundFloor::Same
            }
        }
    };
    let base = match ground {
        GroundFloor::Same => storey,
        GroundFloor::Shop | GroundFloor::Base => random.uniform(3.5, 4.4),
        GroundFloor::Gates => random.uniform(3.0, 4.5),
    };
    let mut wall = pick(random, WALLS);
    if pattern == Wall::Brick {
        wall = pick(random, &WALLS[3..6]);
    }
    let share = if lamps { random.uniform(0.15, 0.5) } else { random.uniform(0.0, 0.06) };
    Facade {
        wall,
        trim: pick(random, TRIMS),
        accent: pick(random, AWNINGS),
        pattern,
        ground,
        base,
        storey,
        bay: random.uniform(1.9, 3.6),
        window: [random.uniform(0.38, 0.66), random.uniform(0.46, 0.66)],
        height: base + storey * (storeys - 1.0).max(0.0) + random.uniform(0.4, 0.9),
        lit: share,
        seed: random.bits(),
    }
}

/// Draws the plots of one side and notes their heights in the street's skyline.
pub(super) fn plan(random: &mut Stream, street: &mut Street, side: Side, lamps: bool, list: &mut Vec<Plot>) {
    let kind = street.kind;
    let open = kind == Kind::Park && (side == Side::Left) == random.chance(0.5);
    let mut s = super::street::BEGIN + random.uniform(0.0, 8.0);
    while s < super::street::END {
        let length = match kind {
            Kind::Downtown => random.uniform(12.0, 30.0),
            Kind::OldTown => random.uniform(6.5, 14.0),
            Kind::Suburb => random.uniform(8.0, 14.0),
            Kind::Estate => random.uniform(18.0, 42.0),
            Kind::Works => random.uniform(16.0, 40.0),
            Kind::Park => random.uniform(10.0, 24.0),
        };
        let (gap, setback) = match kind {
            Kind::Downtown => (if random.chance(0.12) { random.uniform(2.0, 9.0) } else { 0.0 }, 0.0),
            Kind::OldTown => (if random.chance(0.15) { random.uniform(1.5, 5.0) } else { 0.0 }, 0.0),
            Kind::Suburb => (random.uniform(3.0, 9.0), random.uniform(3.0, 7.0)),
            Kind::Estate => (random.uniform(6.0, 22.0), random.uniform(3.0, 9.0)),
            Kind::Works => (random.uniform(3.0, 25.0), random.uniform(1.5, 10.0)),
            Kind::Park => (random.uniform(0.0, 12.0), random.uniform(0.0, 3.0)),
        };
        let look = look(random, kind, lamps);
        let depth = random.uniform(8.0, 13.0);
        let pitched = match kind {
            Kind::Downtown | Kind::Estate | Kind::Works => random.chance(0.25),
            Kind::OldTown | Kind::Suburb => random.chance(0.92),
            Kind::Park => random.chance(0.6),
        };
        let roof = if pitched { depth * random.uniform(0.26, 0.45) } else { 0.0 };
        let tiles = pick(random, ROOFS);
        let (mut from, mut to) = (s, s + length);
        s += length + gap;
        if let Some((start, width)) = street.junction {
            let (low, high) = (start - 1.2, start + width + 1.2);
            let walk = street.walk[side.index()];
            if to > low - walk && from < high + walk {
                // Cut short at the corner, or moved behind it.
                if from < low - walk - 5.0 {
                    to = low - walk;
                } else {
                    from = high + walk;
                    to = from + length.max(8.0);
                    s = s.max(to + gap);
                }
            }
        }
        if open {
            continue;
        }
        street.note_front(side, from, to, look.height + 0.5 * roof);
        list.push(Plot { side, from, to, setback, depth, roof, look, tiles });
    }
}

/// Puts up one building.
pub(super) fn build(stage: &mut Stage<'_>, random: &mut Stream, facades: &mut Vec<Facade>, plot: &Plot) {
    let street = stage.street;
    let sign = plot.side.sign();
    let t = sign * (street.half + street.walk[plot.side.index()] + plot.setback);
    let near = street.place(plot.from, t, KERB);
    let far = street.place(plot.to, t, KERB);
    let across = vec3(far.x - near.x, 0.0, far.z - near.z);
    let length = across.length();
    let along = across.unit();
    let out = vec3(along.z, 0.0, -along.x) * sign;
    let look = plot.look;
    let id = facades.len() as u16;
    facades.push(look);
    let wall = Material::Facade(id);
    let height = look.height;
    let eaves = near + UP * height;
    stage.start(class::BUILDING, near);
    let front = Frame { origin: near, along_u: along, along_v: UP };
    stage.wall(front, &[[0.0, -4.0], [length, -4.0], [length, height], [0.0, height]], wall, 0.0);
    let rise = plot.roof;
    // The wall towards the camera, and the one away from it where the street's bend shows it.
    for corner in [near, near + along * length] {
        let flank = Frame { origin: corner, along_u: out, along_v: UP };
        let mut shape = vec![[0.0, -4.0], [plot.depth, -4.0], [plot.depth, height]];
        if rise > 0.0 {
            shape.push([0.5 * plot.depth, height + rise]);
        }
        shape.push([0.0, height]);
        stage.wall(flank, &shape, wall, 0.0);
    }
    // x along the front, y up, z out into the street.
    let pose = Pose { origin: near, right: along, front: -out };
    let close = plot.to > 0.0 && plot.from < 70.0;
    if rise > 0.0 {
        let over = 0.45;
        let slope = out * (0.5 * plot.depth) + UP * rise;
        let steep = slope.length();
        let fall = slope.unit();
        let frame = Frame { origin: eaves - along * over, along_u: along, along_v: fall };
        let span = length + 2.0 * over;
        let shape = [[0.0, -over], [span, -over], [span, steep], [0.0, steep]];
        stage.wall(frame, &shape, Material::Roof(plot.tiles), 0.0005);
        let chimneys = 1 + random.below(3);
        for _ in 0..chimneys {
            let x = random.uniform(0.1, 0.9) * length;
            let z = -random.uniform(0.3, 0.6) * plot.depth;
            if close {
                let top = height + rise * random.uniform(0.9, 1.15) + 0.4;
                let shaft = Material::Matt(look.wall.mix(plot.tiles, 0.5));
                stage.cuboid(&pose, [x, height, z - 0.35], [x + 0.7, top, z + 0.35], shaft);
            }
        }
        if close {
            gutter(stage, &pose, length, height, look.trim);
        }
    } else if close {
        let cornice = random.uniform(0.25, 0.6);
        stage.cuboid(
            &pose,
            [-0.05, height - cornice, 0.0],
            [length + 0.05, height + 0.15, random.uniform(0.15, 0.5)],
            Material::Matt(look.trim),
        );
        let boxes = random.below(3);
        for _ in 0..boxes {
            let x = random.uniform(0.1, 0.8) * length;
            let z = -random.uniform(0.2, 0.5) * plot.depth;
            let metal = Material::Matt(look.wall * 0.7);
            stage.cuboid(&pose, [x, height, z - 1.5], [x + 2.5, height + random.uniform(1.0, 2.6), z], metal);
        }
    }
    let balconies =
        random.chance(0.3) && look.height > 8.0 && !matches!(look.pattern, Wall::Curtain | Wall::Sheet);
    let every = 1 + random.below(3);
    let rail = vary(random, look.trim, 0.3);
    if balconies && plot.from < 60.0 && plot.to > 2.0 {
        let (floors, bays) = (((height - look.base) / look.storey) as u32, (length / look.bay) as u32);
        for floor in 0..floors {
            for bay in (0..bays).step_by(every as usize) {
                let (x, y) = (bay as f32 * look.bay, look.base + floor as f32 * look.storey);
                let low = [x + 0.1, y - 0.12, 0.0];
                stage.cuboid(&pose, low, [x + look.bay - 0.1, y + 0.95, 0.95], Material::Matt(rail));
            }
        }
    }
    if look.ground == GroundFloor::Shop {
        awnings(stage, random, &pose, length, &look);
    }
}

fn gutter(stage: &mut Stage<'_>, pose: &Pose, length: f32, height: f32, trim: Colour) {
    stage.cuboid(pose, [-0.4, height - 0.25, 0.05], [length + 0.4, height - 0.08, 0.5], Material::Matt(trim));
}

fn awnings(stage: &mut Stage<'_>, random: &mut Stream, pose: &Pose, length: f32, look: &Facade) {
    let mut x = 0.3;
    while x + 2.0 < length {
        let wide = random.uniform(2.0, 4.5).min(length - x - 0.2);
        let colour = pick(random, AWNINGS);
        let (top, drop, reach) = (look.base - 0.75, random.uniform(0.3, 0.6), random.uniform(0.8, 1.5));
        if random.chance(0.4) {
            let (a, b) = (x, x + wide);
            let lip = top - drop;
            let points = [
                pose.at(a, top, 0.02),
                pose.at(b, top, 0.02),
                pose.at(b, lip, reach),
                pose.at(a, lip, reach),
            ];
            stage.plate(&points, UP + pose.front, Material::Matt(colour), 0.0);
            // From below, the cloth is seen in its own shade.
            stage.plate(&points, -UP - pose.front * 0.2, Material::Matt(colour * 0.5), 0.0);
            let hem = [
                pose.at(a, lip, reach),
                pose.at(b, lip, reach),
                pose.at(b, lip - 0.22, reach),
                pose.at(a, lip - 0.22, reach),
            ];
            stage.plate(&hem, pose.front, Material::Matt(colour * 0.9), 0.0);
            let side =
                |x: f32| [pose.at(x, top, 0.02), pose.at(x, lip, reach), pose.at(x, lip - 0.22, reach)];
            stage.plate(&side(a), -pose.right, Material::Matt(colour * 0.8), 0.0);
            stage.plate(&side(b), pose.right, Material::Matt(colour * 0.8), 0.0);
        }
        x += wide + random.uniform(0.2, 2.5);
    }
}

/// A far row of roofs or woods across the end of the street.
pub(super) fn backdrop(stage: &mut Stage<'_>, random: &mut Stream) {
    stage.start(class::BUILDING, vec3(0.0, 0.0, 0.0));
    let ground = stage.street.place(207.0, 0.0, 0.0);
    let wooded = random.unit();
    let mut x = -330.0;
    while x < 330.0 {
        let wide = random.uniform(9.0, 24.0);
        let wood = random.chance(wooded * 0.8);
        let tall = if wood { random.uniform(6.0, 13.0) } else { random.uniform(7.0, 24.0) };
        let away = random.uniform(0.0, 14.0);
        let colour = if wood { pick(random, super::palette::LEAVES) } else { pick(random, WALLS) };
        let origin: Vec3 = ground + vec3(x, -6.0, away);
        let frame = Frame { origin, along_u: vec3(1.0, 0.0, 0.0), along_v: UP };
        stage.class(if wood { class::VEGETATION } else { class::BUILDING });
        let mut shape = vec![[0.0, 0.0], [wide + 1.0, 0.0], [wide + 1.0, tall + 6.0]];
        if wood {
            shape.extend([[0.75 * wide, tall + 8.0], [0.3 * wide, tall + 8.3]]);
        } else if tall < 14.0 {
            shape.push([0.5 * wide, tall + 9.0]);
        }
        shape.push([0.0, tall + 6.0]);
        stage.face(frame, &shape, Material::Backdrop(colour), 0.0);
        x += wide;
    }
}
