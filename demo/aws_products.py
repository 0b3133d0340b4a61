"""Names that AWS prints beside its codes: products, what FOCUS counts them as, and regions.

Names as in the product/ProductName column of published reports; categories are those of FOCUS 1.2.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """A product code's full name and its FOCUS category and subcategory."""

    name: str
    category: str
    subcategory: str


_SERVERS, _BLOCKS, _OBJECTS = "Virtual Machines", "Block Storage", "Object Storage"
PRODUCTS: dict[str, Product] = {
    code: Product(name, category, subcategory)
    for code, name, category, subcategory in (
        ("AmazonEC2", "Amazon Elastic Compute Cloud", "Compute", _SERVERS),
        ("AmazonECS", "Amazon Elastic Container Service", "Compute", "Containers"),
        ("AmazonEKS", "Amazon Elastic Container Service for Kubernetes", "Compute", "Containers"),
        ("AmazonECR", "Amazon EC2 Container Registry (ECR)", "Compute", "Containers"),
        ("AWSLambda", "AWS Lambda", "Compute", "Serverless Compute"),
        ("ComputeSavingsPlans", "Savings Plans for AWS Compute usage", "Compute", _SERVERS),
        ("DatabaseSavingsPlans", "Savings Plans for AWS Database usage", "Databases", "Relational Databases"),
        ("AmazonS3", "Amazon Simple Storage Service", "Storage", _OBJECTS),
        ("AmazonGlacier", "Amazon Glacier", "Storage", _OBJECTS),
        ("AmazonEBS", "Amazon Elastic Block Store", "Storage", _BLOCKS),
        ("AmazonEFS", "Amazon Elastic File System", "Storage", "File Storage"),
        ("AWSBackup", "AWS Backup", "Storage", "Backup Storage"),
        ("AmazonRDS", "Amazon Relational Database Service", "Databases", "Relational Databases"),
        ("AmazonDynamoDB", "Amazon DynamoDB", "Databases", "NoSQL Databases"),
        ("AmazonDocDB", "Amazon DocumentDB (with MongoDB compatibility)", "Databases", "NoSQL Databases"),
        ("AmazonElastiCache", "Amazon ElastiCache", "Databases", "Caching"),
        ("AmazonRedshift", "Amazon Redshift", "Databases", "Data Warehouses"),
        ("AmazonCloudFront", "Amazon CloudFront", "Networking", "Content Delivery"),
        ("AmazonVPC", "Amazon Virtual Private Cloud", "Networking", "Network Infrastructure"),
        ("AmazonRoute53", "Amazon Route 53", "Networking", "Network Routing"),
        ("AWSDataTransfer", "AWS Data Transfer", "Networking", "Network Infrastructure"),
        ("AWSELB", "Elastic Load Balancing", "Networking", "Network Infrastructure"),
        ("AmazonApiGateway", "Amazon API Gateway", "Integration", "API Management"),
        ("AWSQueueService", "Amazon Simple Queue Service", "Integration", "Messaging"),
        ("AmazonSNS", "Amazon Simple Notification Service", "Integration", "Messaging"),
        ("AWSEvents", "CloudWatch Events", "Integration", "Messaging"),
        ("AmazonStates", "AWS Step Functions", "Integration", "Workflow Orchestration"),
        ("AmazonMSK", "Amazon Managed Streaming for Apache Kafka", "Analytics", "Streaming Analytics"),
        ("AmazonKinesis", "Amazon Kinesis", "Analytics", "Streaming Analytics"),
        ("AmazonKinesisFirehose", "Amazon Kinesis Firehose", "Analytics", "Streaming Analytics"),
        ("AWSGlue", "AWS Glue", "Analytics", "Data Processing"),
        ("AmazonAthena", "Amazon Athena", "Analytics", "Analytics Platforms"),
        ("ElasticMapReduce", "Amazon Elastic MapReduce", "Analytics", "Data Processing"),
        ("AmazonES", "Amazon OpenSearch Service", "Analytics", "Search"),
        ("AmazonQuickSight", "Amazon QuickSight", "Analytics", "Business Intelligence"),
        ("AmazonSES", "Amazon Simple Email Service", "Business Applications", "Productivity and Collaboration"),
        ("AmazonPinpoint", "Amazon Pinpoint", "Business Applications", "Other (Business Applications)"),
        ("AmazonBedrock", "Amazon Bedrock", "AI and Machine Learning", "Generative AI"),
        ("AmazonSageMaker", "Amazon SageMaker", "AI and Machine Learning", "Machine Learning"),
        ("AmazonRekognition", "Amazon Rekognition", "AI and Machine Learning", "Other (AI and Machine Learning)"),
        ("AWSElementalMediaConvert", "AWS Elemental MediaConvert", "Media", "Content Creation"),
        ("AmazonIVS", "Amazon Interactive Video Service", "Media", "Media Streaming"),
        ("AmazonCloudWatch", "AmazonCloudWatch", "Management and Governance", "Observability"),
        ("AWSCloudTrail", "AWS CloudTrail", "Management and Governance", "Compliance"),
        ("AWSConfig", "AWS Config", "Management and Governance", "Compliance"),
        ("AWSSupportBusiness", "AWS Support (Business)", "Management and Governance", "Support"),
        ("AWSSupportEnterprise", "AWS Support (Enterprise)", "Management and Governance", "Support"),
        ("awskms", "AWS Key Management Service", "Security", "Other (Security)"),
        ("AWSSecretsManager", "AWS Secrets Manager", "Security", "Other (Security)"),
        ("awswaf", "AWS WAF", "Security", "Other (Security)"),
        ("AmazonGuardDuty", "Amazon GuardDuty", "Security", "Threat Detection and Response"),
        ("AmazonInspectorV2", "Amazon Inspector", "Security", "Security Posture Management"),
        ("AmazonCognito", "Amazon Cognito", "Identity", "Identity and Access Management"),
    )
}

REGIONS = {
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-south-2": "Asia Pacific (Hyderabad)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-2": "US West (Oregon)",
    "eu-west-1": "EU (Ireland)",
    "eu-central-1": "EU (Frankfurt)",
}


def product_of(code: str, name: str = "") -> Product:
    """A product by its code; one that is in no list, as those of the marketplace, is called `name` or by its code."""
    return PRODUCTS.get(code) or Product(name or code, "Other", "Other (Other)")
