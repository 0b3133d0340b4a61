/*
description = "Split cost allocation rows (EKS pods, ECS tasks): a key to share the parent's cost, never a cost themselves."
needs = ["allocated"]
*/
SELECT *
FROM allocated
WHERE x_SplitCost IS NOT NULL
