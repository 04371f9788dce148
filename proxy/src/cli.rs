//! The program around it: `serve`, `check-config`, `usage`, `api-key`.
