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

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[tokio::test]
    async fn without_an_exporter_the_caller_s_context_is_passed_on() {
        let trace = TraceParent::parse(CALLER).unwrap();
        assert_eq!(current_trace(), None);
        assert_eq!(in_trace(trace.clone(), async { current_trace() }).await, Some(trace));
    }

    #[test]
    fn with_an_exporter_a_span_is_a_child_of_the_caller_s() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("rpc");
            set_parent(&span, &TraceParent::parse(CALLER).unwrap());
            let own = span.in_scope(current_trace).unwrap();
            assert_eq!(own.as_str()[..36], CALLER[..36]);
            assert_ne!(own.as_str()[36..52], CALLER[36..52]);
        });
    }

    #[test]
    fn a_new_trace_is_one_that_others_read() {
        assert_ne!(new_trace(), new_trace());
    }
}
