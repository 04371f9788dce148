//! The operations of the four backends: where each is found and what may be asked of it.
//!
//! Source: the OpenAPI files of the sample "SRE agent". A value that its server refuses is better refused by the
//! schema, since an agent reads the schema and not the server's log.

use model::agent::Backend;

/// One operation; all of them are read with GET.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) path: &'static str,
    /// What it is for: an agent chooses by this sentence.
    pub(super) summary: &'static str,
    /// The member of the answer that holds what was asked for.
    pub(super) answer: Answer,
    pub(super) parameters: &'static [Parameter],
}

/// The body of a good answer.
pub(super) enum Answer {
    /// An object with this list in it.
    List(&'static str),
    /// An object whose members depend on what was asked.
    Object,
}

/// Something that can be said with an operation.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) required: bool,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
}

/// Where a parameter stands in the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Query,
    Path,
}

/// What a parameter may be.
pub(super) enum Kind {
    Text,
    Time,
    OneOf(&'static [&'static str]),
    Integer { least: u32, most: Option<u32>, usual: u32 },
    Percentile { usual: u32 },
}

const WINDOWS: Kind = Kind::OneOf(&["1h", "6h", "24h", "7d"]);
const SEVERITIES: Kind = Kind::OneOf(&["low", "medium", "high", "critical"]);

const fn may(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, required: false, kind, about }
}

const fn must(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, required: true, kind, about }
}

const SERVICE: Parameter = may("service", Kind::Text, "Only this service");
const NAMESPACE: Parameter = may("namespace", Kind::Text, "Only this Kubernetes namespace");
const WINDOW: Parameter = may("time_window", WINDOWS, "How far to look back");
const SINCE: Parameter = may("since", Kind::Time, "Nothing from before this time");
const START: Parameter = may("start_time", Kind::Time, "The beginning of the time to look at");
const END: Parameter = may("end_time", Kind::Time, "The end of the time to look at");

/// The operations of a backend, in the order of [`Backend::operations`].
pub(super) fn operations(backend: Backend) -> &'static [Operation] {
    match backend {
        Backend::K8s => K8S,
        Backend::Logs => LOGS,
        Backend::Metrics => METRICS,
        Backend::Runbooks => RUNBOOKS,
    }
}

const K8S: &[Operation] = &[
    Operation {
        id: "get_pod_status",
        path: "/pods/status",
        summary: "Pods with their phase, node and use of resources",
        answer: Answer::List("pods"),
        parameters: &[NAMESPACE, may("pod_name", Kind::Text, "Only the pod of this name")],
    },
    Operation {
        id: "get_deployment_status",
        path: "/deployments/status",
        summary: "Deployments with their wanted and available replicas",
        answer: Answer::List("deployments"),
        parameters: &[NAMESPACE, may("deployment_name", Kind::Text, "Only the deployment of this name")],
    },
    Operation {
        id: "get_cluster_events",
        path: "/events",
        summary: "Recent events of the cluster",
        answer: Answer::List("events"),
        parameters: &[
            SINCE,
            may("severity", Kind::OneOf(&["Warning", "Error", "Normal"]), "Only events of this type"),
        ],
    },
    Operation {
        id: "get_resource_usage",
        path: "/resource_usage",
        summary: "What the cluster and its namespaces use",
        answer: Answer::Object,
        parameters: &[
            NAMESPACE,
            may("resource_type", Kind::OneOf(&["cpu", "memory", "pods"]), "Only this resource"),
        ],
    },
    Operation {
        id: "get_node_status",
        path: "/nodes/status",
        summary: "Nodes with their conditions, capacity and use",
        answer: Answer::List("nodes"),
        parameters: &[may("node_name", Kind::Text, "Only the node of this name")],
    },
];

const LOGS: &[Operation] = &[
    Operation {
        id: "search_logs",
        path: "/logs/search",
        summary: "Log lines in which a pattern occurs",
        answer: Answer::List("logs"),
        parameters: &[
            must("pattern", Kind::Text, "The word or pattern to look for"),
            START,
            END,
            may("log_level", Kind::OneOf(&["ERROR", "WARN", "INFO", "DEBUG"]), "Only lines of this level"),
        ],
    },
    Operation {
        id: "get_error_logs",
        path: "/logs/errors",
        summary: "Log lines that report an error",
        answer: Answer::List("errors"),
        parameters: &[SINCE, SERVICE],
    },
    Operation {
        id: "analyze_log_patterns",
        path: "/logs/patterns",
        summary: "What recurs in the logs",
        answer: Answer::List("patterns"),
        parameters: &[
            WINDOW,
            may(
                "min_occurrences",
                Kind::Integer { least: 1, most: None, usual: 5 },
                "How often something must occur to be a pattern",
            ),
        ],
    },
    Operation {
        id: "get_recent_logs",
        path: "/logs/recent",
        summary: "The newest log lines",
        answer: Answer::List("logs"),
        parameters: &[
            may("limit", Kind::Integer { least: 1, most: Some(1000), usual: 100 }, "How many lines"),
            SERVICE,
        ],
    },
    Operation {
        id: "count_log_events",
        path: "/logs/count",
        summary: "How often an event occurs",
        answer: Answer::Object,
        parameters: &[
            must("event_type", Kind::Text, "The event to count"),
            WINDOW,
            may("group_by", Kind::OneOf(&["service", "level", "hour"]), "Counted for each of these"),
        ],
    },
];

const METRICS: &[Operation] = &[
    Operation {
        id: "get_performance_metrics",
        path: "/metrics/performance",
        summary: "Response time, throughput and load over time",
        answer: Answer::List("metrics"),
        parameters: &[
            may(
                "metric_type",
                Kind::OneOf(&["response_time", "throughput", "cpu_usage", "memory_usage"]),
                "Only this metric",
            ),
            START,
            END,
            SERVICE,
        ],
    },
    Operation {
        id: "get_error_rates",
        path: "/metrics/errors",
        summary: "Error rates of services",
        answer: Answer::List("error_rates"),
        parameters: &[WINDOW, SERVICE],
    },
    Operation {
        id: "get_resource_metrics",
        path: "/metrics/resources",
        summary: "Use of processor, memory, disk and network",
        answer: Answer::List("metrics"),
        parameters: &[
            may("resource_type", Kind::OneOf(&["cpu", "memory", "disk", "network"]), "Only this resource"),
            SERVICE,
            WINDOW,
        ],
    },
    Operation {
        id: "get_availability_metrics",
        path: "/metrics/availability",
        summary: "Availability of services",
        answer: Answer::List("availability_metrics"),
        parameters: &[
            SERVICE,
            may("time_window", Kind::OneOf(&["1h", "6h", "24h", "7d", "30d"]), "How far to look back"),
        ],
    },
    Operation {
        id: "analyze_trends",
        path: "/metrics/trends",
        summary: "The trend of a metric and where it leaves it",
        answer: Answer::Object,
        parameters: &[
            must("metric_name", Kind::Text, "The metric to look at"),
            SERVICE,
            WINDOW,
            may("anomaly_threshold", Kind::Percentile { usual: 95 }, "Beyond this percentile is an anomaly"),
        ],
    },
];

const RUNBOOKS: &[Operation] = &[
    Operation {
        id: "search_runbooks",
        path: "/runbooks/search",
        summary: "Runbooks by kind of incident or by a word",
        answer: Answer::List("runbooks"),
        parameters: &[
            may(
                "incident_type",
                Kind::OneOf(&["performance", "availability", "security", "deployment"]),
                "Only for this kind of incident",
            ),
            may("keyword", Kind::Text, "A word that occurs in the runbook"),
            may("severity", SEVERITIES, "Only for this severity"),
        ],
    },
    Operation {
        id: "get_incident_playbook",
        path: "/runbooks/playbook/{playbook_id}",
        summary: "One playbook",
        answer: Answer::Object,
        parameters: &[Parameter {
            name: "playbook_id",
            place: Place::Path,
            required: true,
            kind: Kind::Text,
            about: "The id of the playbook",
        }],
    },
    Operation {
        id: "get_troubleshooting_guide",
        path: "/runbooks/troubleshooting",
        summary: "Guides for finding a cause step by step",
        answer: Answer::List("guides"),
        parameters: &[
            may(
                "category",
                Kind::OneOf(&["kubernetes", "performance", "networking", "database"]),
                "Only for this area",
            ),
            may("issue_type", Kind::Text, "Only for this kind of issue"),
        ],
    },
    Operation {
        id: "get_escalation_procedures",
        path: "/runbooks/escalation",
        summary: "Whom to call, and when",
        answer: Answer::List("escalation_procedures"),
        parameters: &[
            may("severity", SEVERITIES, "Only for this severity"),
            may("incident_type", Kind::Text, "Only for this kind of incident"),
        ],
    },
    Operation {
        id: "get_common_resolutions",
        path: "/runbooks/resolutions",
        summary: "What has helped with an issue before",
        answer: Answer::List("resolutions"),
        parameters: &[
            must("issue", Kind::Text, "The issue or the kind of error"),
            may("service", Kind::Text, "The service that has it"),
        ],
    },
];
