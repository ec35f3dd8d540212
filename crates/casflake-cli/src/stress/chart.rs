//! Draws a chart of a run as SVG. The time runs from left to right. The upper panel shows IDs. The lower panel shows
//! waits and failed CAS.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::timeline::Timeline;
use super::waits::Waits;
use crate::numbers::float;
use crate::stop::Stop;

const SIZE: (u32, u32) = (1200, 815);

/// The height of the title, in pixels.
const HEAD: u32 = 80;

/// The height of each panel below the title, in pixels.
const PANEL: u32 = 350;

/// The width of the space for the figures and the name of an axis, in pixels.
const AXIS: u32 = 84;

const TEXT: RGBColor = RGBColor(50, 50, 50);
const GRID: RGBColor = RGBColor(224, 224, 224);
const IDS: RGBColor = RGBColor(31, 119, 180);
const WAITS: RGBColor = RGBColor(200, 80, 20);
const RETRIES: RGBColor = RGBColor(110, 80, 160);

/// The data of the chart. `timeline` has the IDs over time. `waits` has the waits and the failed CAS over time.
pub(crate) struct OverTime {
    pub(crate) timeline: Timeline,
    pub(crate) waits: Waits,
}

/// The points of a line. Each span of time has two points of the same height, at its start and at its end, so that even
/// a run of a single tick is visible.
type Line = Vec<(f64, f64)>;

struct Lines {
    /// The unit of the time axis.
    unit: &'static str,
    end: f64,
    ids: Line,
    waits: Line,
    retries: Line,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

pub(crate) fn svg(headings: &[String; 2], threads: usize, tick_ms: u64, over_time: OverTime) -> Result<String, Stop> {
    let lines = lines(float(threads as u64), tick_ms, over_time);
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let drawn = draw(&root, headings, &lines);
    drop(root);
    drawn.map_err(|error| Stop::failed(format_args!("the chart can't be drawn: {error}")))?;
    Ok(svg)
}

fn lines(threads: f64, tick_ms: u64, OverTime { timeline, waits }: OverTime) -> Lines {
    let (mut ids, mut share, mut retries) = (Line::new(), Line::new(), Line::new());
    for span in timeline.spans() {
        let [from, to] = [span.from, span.to].map(|ticks| float(ticks.saturating_mul(tick_ms)));
        step(&mut ids, from, to, float(span.ids) / (to - from));
    }
    for span in waits.spans() {
        let [from, to, waited] = [span.from, span.to, span.waited].map(|time| 1e3 * time.as_secs_f64());
        // A whole wait counts in the span in which the wait ends, even if it began before that span. So the share can
        // exceed 100 %, and is cut off there.
        step(&mut share, from, to, (100.0 * waited / (threads * (to - from))).min(100.0));
        step(&mut retries, from, to, float(span.retries) / (to - from));
    }
    let end = [&ids, &share].into_iter().flatten().map(|point| point.0).fold(1.0, f64::max);
    let (unit, ms) = if end < 5000.0 { ("ms", 1.0) } else { ("s", 1e-3) };
    for point in [&mut ids, &mut share, &mut retries].into_iter().flatten() {
        point.0 *= ms;
    }
    Lines { unit, end: end * ms, ids, waits: share, retries }
}

fn step(line: &mut Line, from: f64, to: f64, height: f64) {
    line.extend([(from, height), (to, height)]);
}

fn draw(root: &Area<'_>, [title, subtitle]: &[String; 2], lines: &Lines) -> Drawn {
    root.fill(&WHITE)?;
    let (head, panels) = root.split_vertically(HEAD);
    let (upper, panels) = panels.split_vertically(PANEL);
    let (lower, foot) = panels.split_vertically(PANEL);
    let line = |area: &Area<'_>, line: &str, size: u32, y: i32| {
        let (width, _) = area.dim_in_pixel();
        let style = text(size, TEXT).pos(Pos::new(HPos::Center, VPos::Center));
        area.draw_text(line, &style, (i32::try_from(width / 2).unwrap_or_default(), y))
    };
    line(&head, title, 24, 32)?;
    line(&head, subtitle, 16, 62)?;
    // This text is drawn below the panel. As the name of the panel's x axis, it would have the colour of the y axis.
    line(&foot, &format!("time since the start ({})", lines.unit), 17, 10)?;
    draw_ids(&upper, lines)?;
    draw_waits(&lower, lines)?;
    root.present()
}

fn draw_ids(area: &Area<'_>, lines: &Lines) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        // The margin makes this panel as wide as the lower panel, which has a second axis on the right.
        .margin_right(10 + AXIS)
        .x_label_area_size(30)
        .y_label_area_size(AXIS)
        .build_cartesian_2d(0.0..lines.end, 0.0..top(&lines.ids))?;
    chart
        .configure_mesh()
        .axis_style(TEXT)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text(15, TEXT))
        .axis_desc_style(text(17, TEXT))
        .x_label_formatter(&figure)
        .y_label_formatter(&figure)
        .y_desc("IDs per ms")
        .draw()?;
    chart.draw_series(LineSeries::new(lines.ids.iter().copied(), IDS.stroke_width(1)))?;
    Ok(())
}

fn draw_waits(area: &Area<'_>, lines: &Lines) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(AXIS)
        .right_y_label_area_size(AXIS)
        .build_cartesian_2d(0.0..lines.end, 0.0..105.0)?
        .set_secondary_coord(0.0..lines.end, 0.0..top(&lines.retries));
    chart
        .configure_mesh()
        .axis_style(TEXT)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text(15, TEXT))
        .axis_desc_style(text(17, WAITS))
        .x_label_formatter(&figure)
        .y_label_formatter(&figure)
        .y_desc("waiting for a tick (% of thread time)")
        .draw()?;
    chart
        .configure_secondary_axes()
        .axis_style(TEXT)
        .label_style(text(15, TEXT))
        .axis_desc_style(text(17, RETRIES))
        .y_label_formatter(&figure)
        .y_desc("failed CAS per ms")
        .draw()?;
    chart.draw_secondary_series(LineSeries::new(lines.retries.iter().copied(), RETRIES.stroke_width(1)))?;
    chart.draw_series(LineSeries::new(lines.waits.iter().copied(), WAITS.stroke_width(2)))?;
    Ok(())
}

fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour)
}

/// Returns the upper end of the axis for `line`: 5 % above its highest point, or 1 if the line has no point above 0.
fn top(line: &Line) -> f64 {
    let highest = line.iter().map(|point| point.1).fold(0.0, f64::max);
    if highest > 0.0 { 1.05 * highest } else { 1.0 }
}

/// Formats a figure with at most 4 decimals and without trailing zeros, such as 4000 or 0.25.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that the axes require")]
fn figure(value: &f64) -> String {
    let digits = format!("{value:.4}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use casflake::{Generator, Standard, WorkerId};

    use super::{Lines, OverTime, figure, lines, svg};
    use crate::stress::timeline::Timeline;
    use crate::stress::waits::Waits;

    /// Returns the events of a run of two threads that lasts `ticks` ticks. Together the threads get one ID in each
    /// tick, and three more IDs in the last tick. Each thread waits for half of the time, and three CAS fail per tick.
    fn over_time(ticks: u64) -> OverTime {
        let mut timeline = Timeline::default();
        (0..ticks).chain([ticks - 1; 3]).for_each(|tick| timeline.see(1_000_000 + tick));
        let mut waits = Waits::new(Duration::from_millis(1));
        let mut stats = Generator::<Standard>::new(WorkerId::fixed::<0, 0>()).stats();
        (stats.overflow_wait_time, stats.cas_retries) = (Duration::from_millis(ticks), 3 * ticks);
        waits.finish(Duration::from_millis(ticks), &stats);
        OverTime { timeline, waits }
    }

    #[test]
    fn a_line_follows_its_figures() {
        let Lines { unit, end, ids, waits, retries } = lines(2.0, 1, over_time(3));
        assert_eq!((unit, end), ("ms", 3.0));
        assert_eq!(ids, [(0.0, 1.0), (1.0, 1.0), (1.0, 1.0), (2.0, 1.0), (2.0, 4.0), (3.0, 4.0)]);
        assert_eq!(waits, [(0.0, 50.0), (3.0, 50.0)]);
        assert_eq!(retries, [(0.0, 3.0), (3.0, 3.0)]);
    }

    #[test]
    fn a_long_run_has_seconds_and_ids_per_ms_in_every_layout() {
        let Lines { unit, end, ids, .. } = lines(2.0, 10, over_time(600));
        assert_eq!((unit, end), ("s", 6.0));
        assert_eq!(ids.first(), Some(&(0.0, 0.1)));
    }

    #[test]
    fn the_share_of_waits_is_at_most_all_the_time() {
        assert!(lines(0.5, 1, over_time(3)).waits.iter().all(|point| point.1 == 100.0));
    }

    #[test]
    fn a_chart_has_its_headings_both_panels_and_a_bounded_size() {
        for ticks in [1, 2, 1_000_000] {
            let svg = svg(&["Title".into(), "Subtitle".into()], 2, 1, over_time(ticks)).ok().unwrap();
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
            for words in
                ["Title", "Subtitle", "IDs per ms", "waiting for a tick", "failed CAS per ms", "since the start"]
            {
                assert!(svg.contains(words), "{words}");
            }
            assert_eq!(svg.matches("<polyline fill=\"none\" opacity=\"1\" stroke=\"#1F77B4\"").count(), 1, "{svg}");
            assert!(svg.len() < 100_000, "{}", svg.len());
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn a_run_without_ids_has_an_empty_chart() {
        let waits = Waits::new(Duration::from_millis(1));
        let empty = OverTime { timeline: Timeline::default(), waits };
        assert!(svg(&[String::new(), String::new()], 1, 1, empty).ok().unwrap().contains("IDs per ms"));
    }

    #[test]
    fn figures_are_as_short_as_possible() {
        assert_eq!(
            [4000.0, 0.25, 0.1 + 0.2, 0.0, 1e6].map(|value| figure(&value)),
            ["4000", "0.25", "0.3", "0", "1000000"]
        );
    }
}
