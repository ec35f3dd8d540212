//! A `Layout`'s arithmetic, whatever its widths, order, epoch and tick.

use casflake::{FieldOrder, IdError, Layout, LayoutError, Parts};
use proptest::prelude::*;

use super::any_size;

/// Returns widths that fit. Each ranges from its least value to all bits that are left.
fn widths() -> impl Strategy<Value = [u32; 4]> {
    (1..=64_u32)
        .prop_flat_map(|timestamp| (Just(timestamp), 0..=64 - timestamp))
        .prop_flat_map(|(timestamp, datacenter)| (Just(timestamp), Just(datacenter), 0..=64 - timestamp - datacenter))
        .prop_flat_map(|(timestamp, datacenter, worker)| {
            let rest = 64 - timestamp - datacenter - worker;
            (Just(timestamp), Just(datacenter), Just(worker), 0..=rest)
        })
        .prop_map(|(timestamp, datacenter, worker, sequence)| [timestamp, datacenter, worker, sequence])
}

fn largest(bits: u32) -> u64 {
    u64::try_from((1_u128 << bits) - 1).expect("64 bits at most")
}

/// Returns any layout: widths, order, tick, and an epoch that leaves room for the last tick.
fn layouts() -> impl Strategy<Value = Layout> {
    (widths(), any_size(), any_size(), any::<bool>()).prop_map(|([t, d, w, s], tick_ms, epoch, worker_last)| {
        let tick_ms = tick_ms.min(u64::MAX / largest(t)).max(1);
        let epoch = epoch.min(u64::MAX - largest(t) * tick_ms);
        let order = if worker_last { FieldOrder::WorkerLast } else { FieldOrder::SequenceLast };
        let layout = Layout::try_new(t, d, w, s).and_then(|layout| layout.try_with_tick_ms(tick_ms));
        layout.and_then(|layout| layout.try_with_epoch_unix_ms(epoch)).expect("a layout").with_order(order)
    })
}

fn in_layout(layout: Layout) -> impl Strategy<Value = Parts> {
    let up_to = |max: u64| prop_oneof![0..=max, Just(0), Just(max)];
    (up_to(layout.max_tick()), up_to(layout.max_datacenter()), up_to(layout.max_worker()), up_to(layout.max_sequence()))
        .prop_map(|(tick, datacenter, worker, sequence)| Parts { tick, datacenter, worker, sequence })
}

fn layout_and_parts() -> impl Strategy<Value = (Layout, Parts)> {
    layouts().prop_flat_map(|layout| (Just(layout), in_layout(layout)))
}

proptest! {
    #[test]
    fn parts_lead_to_an_id_and_back((layout, parts) in layout_and_parts()) {
        let id = layout.encode(parts).expect("parts that fit");
        prop_assert!(id <= layout.max_id());
        prop_assert_eq!(layout.decode(id), Ok(parts));
    }

    #[test]
    fn an_id_leads_to_parts_and_back(layout in layouts(), id in any_size()) {
        match layout.decode(id) {
            Ok(parts) => prop_assert_eq!(layout.encode(parts), Ok(id)),
            Err(error) => {
                prop_assert_eq!(error, IdError::ReservedBits { id, bits: layout.total_bits() });
                prop_assert!(u32::BITS * 2 - id.leading_zeros() > layout.total_bits());
            }
        }
    }

    /// Computes the place of each part by multiplication, from the lowest field up.
    #[test]
    fn each_field_stands_where_its_order_says((layout, parts) in layout_and_parts()) {
        let fields = match layout.order() {
            FieldOrder::WorkerLast => [
                (parts.worker, layout.worker_bits()),
                (parts.datacenter, layout.datacenter_bits()),
                (parts.sequence, layout.sequence_bits()),
                (parts.tick, layout.timestamp_bits()),
            ],
            _ => [
                (parts.sequence, layout.sequence_bits()),
                (parts.worker, layout.worker_bits()),
                (parts.datacenter, layout.datacenter_bits()),
                (parts.tick, layout.timestamp_bits()),
            ],
        };
        let (mut expected, mut place) = (0_u128, 1_u128);
        for (value, bits) in fields {
            expected += u128::from(value) * place;
            place *= 1 << bits;
        }
        prop_assert_eq!(layout.encode(parts).map(u128::from), Ok(expected));
    }

    #[test]
    fn ids_of_one_worker_order_as_tick_and_sequence(
        (layout, one, other) in layouts().prop_flat_map(|layout| (Just(layout), in_layout(layout), in_layout(layout)))
    ) {
        let other = Parts { datacenter: one.datacenter, worker: one.worker, ..other };
        let ids = (layout.encode(one).expect("fits"), layout.encode(other).expect("fits"));
        prop_assert_eq!(ids.0.cmp(&ids.1), (one.tick, one.sequence).cmp(&(other.tick, other.sequence)));
    }

    #[test]
    fn i5_a_part_too_large_is_refused_with_its_numbers(
        (layout, parts) in layout_and_parts(), which in 0..4, beyond in any_size()
    ) {
        let mut parts = parts;
        let (field, part, max) = match which {
            0 => ("tick", &mut parts.tick, layout.max_tick()),
            1 => ("datacenter", &mut parts.datacenter, layout.max_datacenter()),
            2 => ("worker", &mut parts.worker, layout.max_worker()),
            _ => ("sequence", &mut parts.sequence, layout.max_sequence()),
        };
        prop_assume!(max < u64::MAX);
        *part = max.saturating_add(1).saturating_add(beyond);
        let value = *part;
        prop_assert_eq!(layout.encode(parts), Err(IdError::Field { field, value, max }));
    }

    #[test]
    fn i5_any_reserved_bit_is_refused((layout, parts) in layout_and_parts()) {
        for bit in layout.total_bits()..64 {
            let id = layout.encode(parts).expect("parts that fit") | 1 << bit;
            prop_assert_eq!(layout.decode(id), Err(IdError::ReservedBits { id, bits: layout.total_bits() }));
        }
    }

    #[test]
    fn widths_and_bounds_are_those_asked_for(layout in layouts()) {
        let widths = [layout.timestamp_bits(), layout.datacenter_bits(), layout.worker_bits(), layout.sequence_bits()];
        prop_assert_eq!(layout.total_bits(), widths.iter().sum::<u32>());
        let bounds = [layout.max_tick(), layout.max_datacenter(), layout.max_worker(), layout.max_sequence()];
        prop_assert_eq!(bounds, widths.map(largest));
        prop_assert_eq!(layout.max_id(), largest(layout.total_bits()));
        prop_assert_eq!(layout.can_generate(), layout.timestamp_bits() + layout.sequence_bits() <= 62);
    }

    #[test]
    fn a_tick_is_the_one_at_every_time_within_it((layout, parts) in layout_and_parts(), within in any_size()) {
        let begin = layout.unix_ms_of(parts.tick).expect("a tick of the layout");
        let within = begin.saturating_add(within % layout.tick_ms());
        prop_assert_eq!(layout.tick_at(begin), Some(parts.tick));
        prop_assert_eq!(layout.tick_at(within), Some(parts.tick));
        let expected = u128::from(layout.epoch_unix_ms()) + u128::from(parts.tick) * u128::from(layout.tick_ms());
        prop_assert_eq!(u128::from(begin), expected);
    }

    #[test]
    fn i5_a_time_or_tick_outside_of_the_layout_is_none(layout in layouts(), any_ms in any_size(), tick in any_size()) {
        prop_assert_eq!(layout.unix_ms_of(tick).is_some(), tick <= layout.max_tick());
        let ticks = u128::from(layout.max_tick()) + 1;
        let end = u128::from(layout.epoch_unix_ms()) + ticks * u128::from(layout.tick_ms());
        let inside = any_ms >= layout.epoch_unix_ms() && u128::from(any_ms) < end;
        prop_assert_eq!(layout.tick_at(any_ms).is_some(), inside);
    }

    #[test]
    fn i5_widths_that_do_not_fit_are_refused(t in 0..=70_u32, d in 0..=70_u32, w in 0..=70_u32, s in 0..=70_u32) {
        let expected = if t == 0 {
            Err(LayoutError::NoTimestamp)
        } else if t + d + w + s > 64 {
            Err(LayoutError::TooWide { timestamp: t, datacenter: d, worker: w, sequence: s })
        } else {
            Ok([t, d, w, s])
        };
        let widths = |layout: Layout| {
            [layout.timestamp_bits(), layout.datacenter_bits(), layout.worker_bits(), layout.sequence_bits()]
        };
        prop_assert_eq!(Layout::try_new(t, d, w, s).map(widths), expected);
    }

    #[test]
    fn i5_widths_that_overflow_their_sum_are_refused(widths in any::<[u32; 4]>()) {
        let [t, d, w, s] = widths;
        prop_assume!(t > 0 && widths.iter().map(|bits| u64::from(*bits)).sum::<u64>() > 64);
        let refused = LayoutError::TooWide { timestamp: t, datacenter: d, worker: w, sequence: s };
        prop_assert_eq!(Layout::try_new(t, d, w, s), Err(refused));
    }

    #[test]
    fn i5_an_epoch_or_tick_that_leaves_the_last_tick_no_time_is_refused(
        [t, d, w, s] in widths(), epoch_unix_ms in any_size(), tick_ms in any_size()
    ) {
        let layout = Layout::try_new(t, d, w, s).and_then(|layout| layout.try_with_tick_ms(tick_ms));
        let last = u128::from(largest(t)) * u128::from(tick_ms);
        if tick_ms == 0 {
            prop_assert_eq!(layout, Err(LayoutError::ZeroTick));
        } else if last > u128::from(u64::MAX) {
            prop_assert_eq!(layout, Err(LayoutError::TimeOverflow { epoch_unix_ms: 0, tick_ms }));
        } else {
            let layout = layout.and_then(|layout| layout.try_with_epoch_unix_ms(epoch_unix_ms));
            if last + u128::from(epoch_unix_ms) > u128::from(u64::MAX) {
                prop_assert_eq!(layout, Err(LayoutError::TimeOverflow { epoch_unix_ms, tick_ms }));
            } else {
                let set = layout.map(|layout| (layout.epoch_unix_ms(), layout.tick_ms()));
                prop_assert_eq!(set, Ok((epoch_unix_ms, tick_ms)));
            }
        }
    }
}
