//! Takes requests: routes, the order of the gates, the answer, and the end of the process.
