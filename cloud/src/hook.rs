//! What can be put around every call of every port: counting, delaying, refusing, losing, killing.
//!
//! One generic hook serves all operations, so a new operation is covered the moment it is declared.

use std::sync::Arc;

use async_trait::async_trait;

use crate::CallError;

/// Whether a call only looks or also changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Looks.
    Read,
    /// Changes.
    Write,
}

/// A call that is about to be made, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    /// The service as IAM prefixes its actions.
    pub service: &'static str,
    /// The operation as AWS spells it.
    pub operation: &'static str,
    /// Whether it changes something.
    pub access: Access,
}

/// Stands before and after every call. Both methods do nothing unless written otherwise.
#[async_trait]
pub trait Hook: Send + Sync {
    /// Before the call leaves. An error means that it never does.
    async fn before(&self, call: Call) -> Result<(), CallError> {
        let _ = call;
        Ok(())
    }

    /// After the answer came. An error takes the answer's place: what the call did stays done.
    async fn after(&self, call: Call, outcome: Result<(), &CallError>) -> Result<(), CallError> {
        let _ = (call, outcome);
        Ok(())
    }
}

/// A port with a hook around each of its calls.
pub struct Hooked<P: ?Sized> {
    pub(crate) inner: Arc<P>,
    pub(crate) hook: Arc<dyn Hook>,
}

impl<P: ?Sized> Hooked<P> {
    /// Puts `hook` around `inner`.
    pub fn new(inner: Arc<P>, hook: Arc<dyn Hook>) -> Self {
        Self { inner, hook }
    }
}

/// Declares a port: the trait that adapters implement, and the same trait on [`Hooked`], which stands around any
/// adapter. Every operation takes one input and says whether it reads or writes.
macro_rules! port {
    (
        $(#[$doc:meta])*
        $service:literal $port:ident {
            $( $(#[$op_doc:meta])* $access:ident $operation:literal $method:ident($input:ty) -> $output:ty; )+
        }
    ) => {
        $(#[$doc])*
        #[async_trait::async_trait]
        pub trait $port: Send + Sync {
            $( $(#[$op_doc])* async fn $method(&self, input: $input) -> Result<$output, $crate::CallError>; )+
        }

        #[async_trait::async_trait]
        impl $port for $crate::hook::Hooked<dyn $port> {
            $( async fn $method(&self, input: $input) -> Result<$output, $crate::CallError> {
                let call = $crate::hook::Call {
                    service: $service,
                    operation: $operation,
                    access: $crate::hook::Access::$access,
                };
                self.hook.before(call).await?;
                let answer = self.inner.$method(input).await;
                self.hook.after(call, answer.as_ref().map(|_| ())).await?;
                answer
            } )+
        }
    };
}
pub(crate) use port;
