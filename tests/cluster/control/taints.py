"""The taints by which each kind of cluster says that a node is about to go."""

NOTICES = {
    "karpenter": "karpenter.sh/disrupted",  # karpenter/pkg/apis/v1/taints.go
    "nth": "aws-node-termination-handler/spot-itn",  # aws-node-termination-handler/pkg/node/node.go
    "autoscaler": "ToBeDeletedByClusterAutoscaler",  # autoscaler/cluster-autoscaler/utils/taints
    "gke": "cloud.google.com/impending-node-termination",  # cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
}
EFFECT = "NoSchedule"
