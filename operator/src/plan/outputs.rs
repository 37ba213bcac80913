//! Pictures that steps write, as workers are told of them.

use imagejob_api::validate::{Bounds, Mark, Output, Resize, Watermark};
use imagejob_api::{Fit, PictureFormat, Position};
use imagejob_protocol::settings;

/// Of lossy formats, where a job names none: what most libraries call good.
const QUALITY: u32 = 85;

/// Of a mark, where a job names none: a line that is read at arm's length, and a logo that is seen.
const TEXT_PERCENT: u32 = 5;
const IMAGE_PERCENT: u32 = 20;

pub(super) fn resize(resize: &Resize) -> settings::Resize {
    settings::Resize {
        output: output(&resize.output),
        bounds: bounds(resize.bounds),
        fit: match resize.fit {
            Fit::Contain => settings::Fit::Contain,
            Fit::Cover => settings::Fit::Cover,
        },
    }
}

pub(super) fn watermark(watermark: &Watermark) -> settings::Watermark {
    let (mark, usual) = match &watermark.mark {
        Mark::Text(text) => (settings::Mark::Text(text.clone()), TEXT_PERCENT),
        Mark::Image(image) => (settings::Mark::Image(image.clone()), IMAGE_PERCENT),
    };
    settings::Watermark {
        output: output(&watermark.output),
        bounds: bounds(watermark.bounds),
        mark,
        position: position(watermark.position),
        size_percent: watermark.size_percent.unwrap_or(usual),
        margin_percent: watermark.margin_percent,
        opacity_percent: watermark.opacity_percent,
    }
}

const fn position(position: Position) -> settings::Position {
    match position {
        Position::TopLeft => settings::Position::TopLeft,
        Position::Top => settings::Position::Top,
        Position::TopRight => settings::Position::TopRight,
        Position::Left => settings::Position::Left,
        Position::Center => settings::Position::Center,
        Position::Right => settings::Position::Right,
        Position::BottomLeft => settings::Position::BottomLeft,
        Position::Bottom => settings::Position::Bottom,
        Position::BottomRight => settings::Position::BottomRight,
    }
}

fn output(output: &Output) -> settings::Output {
    settings::Output {
        place: output.place.clone(),
        format: output.format.map(|format| match format {
            PictureFormat::Jpeg => settings::PictureFormat::Jpeg,
            PictureFormat::Png => settings::PictureFormat::Png,
            PictureFormat::WebP => settings::PictureFormat::WebP,
        }),
        quality: output.quality.unwrap_or(QUALITY) as u8,
    }
}

fn bounds(bounds: Bounds) -> settings::Bounds {
    settings::Bounds { max_width: bounds.max_width, max_height: bounds.max_height }
}
