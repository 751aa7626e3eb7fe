//! The ground: road, kerbs, pavements, side street, and what lies beyond the pavement.

use super::class;
use super::geometry::{Frame, UP, Vec3, vec3};
use super::raster::Material;
use super::stage::Stage;
use super::street::{KERB, Kind, Side};

/// How far the ground reaches to either side, metres.
const FAR: f32 = 90.0;

/// The frame of the ground between `s0` and `s1`, `h` metres over the road: u is t, v is s.
pub(super) fn strip_frame(stage: &Stage<'_>, s0: f32, s1: f32, h: f32) -> Frame {
    let (a, b) = (stage.street.place(s0, 0.0, h), stage.street.place(s1, 0.0, h));
    let along_v = (b - a) * (1.0 / (s1 - s0));
    Frame { origin: a - along_v * s0, along_u: vec3(1.0, 0.0, 0.0), along_v }
}

/// Where the ground is divided along the street, so that short pieces follow its bend.
pub(super) fn breaks(stage: &Stage<'_>) -> Vec<f32> {
    let mut cuts = vec![
        -6.0, 0.0, 4.0, 8.0, 12.0, 17.0, 22.0, 28.0, 35.0, 43.0, 52.0, 62.0, 74.0, 88.0, 104.0, 122.0, 145.0,
        175.0, 215.0,
    ];
    if let Some((start, width)) = stage.street.junction {
        cuts.retain(|&s| s <= start - 0.5 || s >= start + width + 0.5);
        cuts.extend([start, start + width]);
        cuts.sort_by(f32::total_cmp);
    }
    cuts
}

/// Lays the ground. `beyond` is the earth or paving behind the pavements.
pub(super) fn lay(stage: &mut Stage<'_>, beyond: Vec3) {
    let street = stage.street;
    let cuts = breaks(stage);
    let half = street.half;
    let paved = matches!(street.kind, Kind::Downtown | Kind::OldTown);
    stage.start(class::ROAD, vec3(0.0, 0.0, 0.0));
    for pair in cuts.windows(2) {
        let (s0, s1) = (pair[0], pair[1]);
        let piece = |a: f32, b: f32| [[a, s0], [b, s0], [b, s1], [a, s1]];
        let flat = strip_frame(stage, s0, s1, 0.0);
        stage.class(class::ROAD);
        stage.ground(flat, &piece(-half, half), Material::Road, 0.0);
        let crossing = street.in_junction(0.5 * (s0 + s1));
        for side in Side::BOTH {
            let sign = side.sign();
            let edge = half + street.walk[side.index()];
            let ordered = |a: f32, b: f32| if a < b { piece(a, b) } else { piece(b, a) };
            if crossing {
                stage.class(class::ROAD);
                stage.ground(flat, &ordered(sign * half, sign * FAR), Material::SideRoad, 0.0);
                continue;
            }
            let raised = strip_frame(stage, s0, s1, KERB);
            stage.class(class::SIDEWALK);
            stage.ground(raised, &ordered(sign * half, sign * edge), Material::Paving, 0.0);
            let foot = flat.at(sign * half, 0.0);
            let face = Frame { origin: foot, along_u: UP, along_v: flat.along_v };
            stage.wall(face, &[[0.0, s0], [KERB, s0], [KERB, s1], [0.0, s1]], Material::Kerb, 0.0);
            let (behind, material) = if paved {
                (class::SIDEWALK, Material::Paving)
            } else if matches!(street.kind, Kind::Works) {
                (class::VOID, Material::Soil(beyond))
            } else {
                (class::VEGETATION, Material::Soil(beyond))
            };
            stage.class(behind);
            stage.ground(raised, &ordered(sign * edge, sign * FAR), material, 0.0);
        }
    }
    // The ends of the kerbs at a side street, and the horizon.
    if let Some((start, width)) = street.junction {
        stage.class(class::SIDEWALK);
        for side in Side::BOTH {
            let sign = side.sign();
            let corner = street.place(start + width, sign * half, 0.0);
            let face = Frame { origin: corner, along_u: vec3(sign, 0.0, 0.0), along_v: UP };
            stage.wall(face, &[[0.0, 0.0], [FAR, 0.0], [FAR, KERB], [0.0, KERB]], Material::Kerb, 0.0);
        }
    }
    stage.class(class::VEGETATION);
    let level = strip_frame(stage, 210.0, 211.0, KERB);
    stage.ground(
        level,
        &[[-900.0, 210.0], [900.0, 210.0], [900.0, 900.0], [-900.0, 900.0]],
        Material::Soil(beyond),
        0.0,
    );
}
