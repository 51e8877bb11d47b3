//! The W3C trace context of what is being done.

use std::future::Future;

use kernel::TraceParent;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

tokio::task_local! {
    static TRACE: TraceParent;
}

/// The context that calls and events made from here carry: the exported span's, or the one that the caller
/// brought.
pub fn current_trace() -> Option<TraceParent> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() {
        let flags = span.trace_flags().to_u8();
        return TraceParent::parse(&format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id()));
    }
    TRACE.try_with(TraceParent::clone).ok()
}

/// Does something as part of this trace.
pub async fn in_trace<F: Future>(trace: TraceParent, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

/// The beginning of a trace that nobody asked to be exported.
pub fn new_trace() -> TraceParent {
    let (trace, span): (u128, u64) = (rand::random::<u128>() | 1, rand::random::<u64>() | 1);
    TraceParent::parse(&format!("00-{trace:032x}-{span:016x}-00"))
        .expect("it is written in the form that is read")
}

/// Makes the span a child of the caller's.
pub fn set_parent(span: &Span, trace: &TraceParent) {
    let parts: Vec<_> = trace.as_str().split('-').collect();
    let [_, trace_id, span_id, flags] = parts.as_slice() else { return };
    let ids = (TraceId::from_hex(trace_id), SpanId::from_hex(span_id), u8::from_str_radix(flags, 16));
    if let (Ok(trace_id), Ok(span_id), Ok(flags)) = ids {
        let remote = SpanContext::new(trace_id, span_id, TraceFlags::new(flags), true, TraceState::default());
        // Without an exporter there is no span to be a child: that is no error.
        let _unexported = span.set_parent(Context::new().with_remote_span_context(remote));
    }
}
