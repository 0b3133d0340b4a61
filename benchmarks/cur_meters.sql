-- What can be charged: a few thousand resources of a 45-account organisation in 6 regions, and
-- one "meter" per (resource, usage type), holding every report column that does not depend on
-- the hour. Grain of `meter`: meter_no. Needs the variables seed and resources.
-- `pool` says which meters each kind of line may draw from.

CREATE OR REPLACE MACRO draw(n, salt, size) AS (hash(n, getvariable('seed'), salt) % size)::BIGINT;
CREATE OR REPLACE MACRO hex_id(n, salt, digits) AS left(md5(n || salt || getvariable('seed')), digits);
CREATE OR REPLACE MACRO payer() AS '210987654321';

CREATE OR REPLACE TEMP TABLE region (share_until, region, usage_prefix, place, dearness) AS
VALUES
    (640, 'ap-south-1', 'APS3-', 'Asia Pacific (Mumbai)', 1.00),
    (750, 'ap-south-2', 'APS10-', 'Asia Pacific (Hyderabad)', 1.00),
    (840, 'ap-southeast-1', 'APS1-', 'Asia Pacific (Singapore)', 1.08),
    (920, 'us-east-1', '', 'US East (N. Virginia)', 0.90),
    (970, 'eu-west-1', 'EU-', 'EU (Ireland)', 1.02),
    (1000, 'ap-southeast-2', 'APS2-', 'Asia Pacific (Sydney)', 1.12);

CREATE OR REPLACE TEMP TABLE size (size_no, instance_type, vcpu, memory, factor, hourly) AS
VALUES
    (0, 'm6g.large', '2', '8 GiB', 4, 0.0504),
    (1, 'm6g.xlarge', '4', '16 GiB', 8, 0.1008),
    (2, 'c6g.xlarge', '4', '8 GiB', 8, 0.0850),
    (3, 'r6g.large', '2', '16 GiB', 4, 0.0649),
    (4, 't4g.medium', '2', '4 GiB', 2, 0.0224),
    (5, 't3.large', '2', '8 GiB', 4, 0.0896),
    (6, 'm5.2xlarge', '8', '32 GiB', 16, 0.4040),
    (7, 'c5.4xlarge', '16', '32 GiB', 32, 0.6800),
    (8, 'r6g.2xlarge', '8', '64 GiB', 16, 0.2596),
    (9, 'g4dn.xlarge', '4', '16 GiB', 8, 0.5790);

CREATE OR REPLACE TEMP TABLE family (
    family_no, share_until, product_code, product_name, resource_form
) AS
VALUES
    (1, 220, 'AmazonEC2', 'Amazon Elastic Compute Cloud', 'i-0{hex}'),
    (2, 420, 'AmazonEC2', 'Amazon Elastic Compute Cloud', 'vol-0{hex}'),
    (3, 450, 'AmazonEC2', 'Amazon Elastic Compute Cloud',
        'arn:aws:ec2:{region}:{account}:natgateway/nat-0{hex}'),
    (4, 530, 'AmazonRDS', 'Amazon Relational Database Service', 'arn:aws:rds:{region}:{account}:db:{name}'),
    (5, 670, 'AmazonS3', 'Amazon Simple Storage Service', '{name}-assets'),
    (6, 700, 'AmazonCloudFront', 'Amazon CloudFront', 'arn:aws:cloudfront::{account}:distribution/E{hex}'),
    (7, 790, 'AWSLambda', 'AWS Lambda', 'arn:aws:lambda:{region}:{account}:function:{name}'),
    (8, 830, 'AmazonDynamoDB', 'Amazon DynamoDB', 'arn:aws:dynamodb:{region}:{account}:table/{name}'),
    (9, 870, 'AmazonElastiCache', 'Amazon ElastiCache', 'arn:aws:elasticache:{region}:{account}:cluster:{name}'),
    (10, 920, 'AmazonECS', 'Amazon Elastic Container Service', 'arn:aws:ecs:{region}:{account}:task/{name}/{hex}'),
    (11, 950, 'AWSELB', 'Elastic Load Balancing',
        'arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex}'),
    (12, 990, 'AmazonCloudWatch', 'AmazonCloudWatch', NULL),
    (13, 1000, 'AmazonES', 'Amazon OpenSearch Service', 'arn:aws:es:{region}:{account}:domain/{name}');

-- rate: per unit, or for a sized meter ({type}) a multiple of the instance's hourly price.
-- most: the largest quantity on one line; 1 for meters that count hours.
-- covered_by: sp, both, ri, or none.
CREATE OR REPLACE TEMP TABLE offer (
    family_no, product_family, usage_type, operation, unit, rate, most, covered_by
) AS
VALUES
    (1, 'Compute Instance', 'BoxUsage:{type}', 'RunInstances', 'Hrs', 1.0, 1, 'both'),
    (1, 'Data Transfer', 'DataTransfer-Regional-Bytes', 'InterZone-Out', 'GB', 0.01, 40, 'none'),
    (2, 'Storage', 'EBS:VolumeUsage.gp3', 'CreateVolume-Gp3', 'GB-Mo', 0.0912, 2, 'none'),
    (3, 'NAT Gateway', 'NatGateway-Hours', 'NatGateway', 'Hrs', 0.056, 1, 'none'),
    (3, 'NAT Gateway', 'NatGateway-Bytes', 'NatGateway', 'GB', 0.056, 60, 'none'),
    (4, 'Database Instance', 'InstanceUsage:db.{type}', 'CreateDBInstance:0014', 'Hrs', 1.7, 1, 'ri'),
    (4, 'Database Storage', 'RDS:GP3-Storage', 'CreateDBInstance:0014', 'GB-Mo', 0.131, 3, 'none'),
    (5, 'Storage', 'TimedStorage-ByteHrs', 'StandardStorage', 'GB-Mo', 0.025, 12, 'none'),
    (5, 'API Request', 'Requests-Tier1', 'PutObject', 'Requests', 0.000005, 90000, 'none'),
    (5, 'API Request', 'Requests-Tier2', 'GetObject', 'Requests', 0.0000004, 900000, 'none'),
    (5, 'Data Transfer', 'DataTransfer-Out-Bytes', 'GetObject', 'GB', 0.1093, 6, 'none'),
    (6, 'Data Transfer', 'DataTransfer-Out-Bytes', 'GET', 'GB', 0.109, 60, 'none'),
    (6, 'Request', 'Requests-Tier2-HTTPS', 'GET', 'Requests', 0.0000012, 900000, 'none'),
    (7, 'Serverless', 'Lambda-GB-Second', 'Invoke', 'Lambda-GB-Second', 0.0000166667, 9000, 'sp'),
    (7, 'Serverless', 'Request', 'Invoke', 'Requests', 0.0000002, 900000, 'none'),
    (8, 'Amazon DynamoDB PayPerRequest Throughput', 'ReadRequestUnits', 'PayPerRequestThroughput',
        'ReadRequestUnits', 0.0000001425, 900000, 'none'),
    (8, 'Amazon DynamoDB PayPerRequest Throughput', 'WriteRequestUnits', 'PayPerRequestThroughput',
        'WriteRequestUnits', 0.0000007125, 300000, 'none'),
    (8, 'Database Storage', 'TimedStorage-ByteHrs', 'StandardStorage', 'GB-Mo', 0.285, 2, 'none'),
    (9, 'Cache Instance', 'NodeUsage:cache.{type}', 'CreateCacheCluster:0002', 'Hrs', 1.5, 1, 'ri'),
    (10, 'Compute', 'Fargate-vCPU-Hours:perCPU', 'FargateTask', 'hours', 0.04256, 4, 'sp'),
    (10, 'Compute', 'Fargate-GB-Hours', 'FargateTask', 'hours', 0.00463, 16, 'sp'),
    (11, 'Load Balancer-Application', 'LoadBalancerUsage', 'LoadBalancing:Application', 'Hrs', 0.0239, 1, 'none'),
    (11, 'Load Balancer-Application', 'LCUUsage', 'LoadBalancing:Application', 'LCU-Hrs', 0.008, 25, 'none'),
    (12, 'Metric', 'CW:MetricMonitorUsage', 'MetricStorage', 'Metrics', 0.3, 0.2, 'none'),
    (12, 'Data Payload', 'DataProcessing-Bytes', 'PutLogEvents', 'GB', 0.67, 0.5, 'none'),
    (13, 'Amazon OpenSearch Service Instance', 'ESInstance:{type}', 'ESDomain', 'Hrs', 1.6, 1, 'ri'),
    (13, 'Amazon OpenSearch Service Volume', 'ES:GP3-Storage', 'ESDomain', 'GB-Mo', 0.1404, 2, 'none');

-- A few accounts own most of the resources: account_no follows u ** 2.2.
CREATE OR REPLACE TEMP TABLE account AS
SELECT
    range AS account_no,
    (100000000000 + draw(range, 'account', 899999999999))::VARCHAR AS account_id,
    ['lms', 'content', 'tests', 'live', 'mobile', 'data', 'ml', 'growth', 'payments', 'platform',
        'security', 'corporate'][1 + range % 12] AS team
FROM range(45);

CREATE OR REPLACE TEMP TABLE resource AS
WITH drawn AS (
    SELECT
        range AS resource_no,
        floor(45 * pow(draw(range, 'owner', 1000000) / 1e6, 2.2))::BIGINT AS account_no,
        draw(range, 'family', 1000) AS family_point,
        -- most of an account lies in its home region
        CASE WHEN draw(range, 'away', 100) < 80 THEN draw(account_no, 'home', 1000) ELSE draw(range, 'region', 1000) END
            AS region_point,
        draw(range, 'size', 10) AS size_no,
        draw(range, 'tagged', 100) AS tag_point,
        ['web', 'api', 'worker', 'video', 'quiz', 'rank', 'search', 'notify', 'auth', 'billing',
            'etl', 'feature-store'][1 + (5 * account_no + draw(range, 'service', 4)) % 12] AS service -- four workloads an account
    FROM range(getvariable('resources'))
)

SELECT
    drawn.*,
    account.account_id,
    family.family_no,
    region.* EXCLUDE (share_until),
    -- one environment an account, as AWS advises
    CASE account_no % 5 WHEN 3 THEN 'staging' WHEN 4 THEN 'dev' ELSE 'prod' END AS env,
    CASE WHEN tag_point < 90 THEN account.team END AS team,
    format('{}-{}-{}', service, account.team, resource_no) AS name
FROM drawn
INNER JOIN account USING (account_no)
INNER JOIN (SELECT *, lag(share_until, 1, 0) OVER (ORDER BY share_until) AS share_from FROM family) AS family
    ON drawn.family_point >= family.share_from AND drawn.family_point < family.share_until
INNER JOIN (SELECT *, lag(share_until, 1, 0) OVER (ORDER BY share_until) AS share_from FROM region) AS region
    ON drawn.region_point >= region.share_from AND drawn.region_point < region.share_until;

CREATE OR REPLACE TEMP TABLE meter AS
WITH priced AS (
    SELECT
        *,
        usage_prefix || replace(offer.usage_type, '{type}', size.instance_type) AS full_usage_type,
        (CASE WHEN unit = 'Hrs' AND contains(offer.usage_type, '{type}') THEN hourly ELSE 1 END
            * rate * dearness)::DECIMAL(18, 10) AS unit_rate,
        contains(offer.usage_type, '{type}') AS is_sized,
        upper(hex_id(full_usage_type || region, 'sku', 16)) AS sku
    FROM resource
    INNER JOIN family USING (family_no)
    INNER JOIN offer USING (family_no)
    INNER JOIN size USING (size_no)
),

usage_meter AS (
    SELECT
        covered_by AS pool,
        unit_rate,
        most,
        CASE WHEN is_sized THEN factor END AS factor,
        format('arn:aws:savingsplans::{}:savingsplan/plan-{}', payer(), resource_no % 3) AS sp_arn,
        format(
            'arn:aws:{}:{}:{}:reserved-instances/{}',
            lower(replace(replace(product_code, 'Amazon', ''), 'AWS', '')), region, payer(),
            hex_id(family_no || size_no, 'ri', 12)
        ) AS ri_arn,
        format('${} per {} ({})', unit_rate, unit, full_usage_type) AS description,
        account_id AS "lineItem/UsageAccountId",
        product_code AS "lineItem/ProductCode",
        full_usage_type AS "lineItem/UsageType",
        operation AS "lineItem/Operation",
        CASE WHEN unit = 'Hrs' THEN region || chr((97 + resource_no % 3)::INTEGER) END
            AS "lineItem/AvailabilityZone",
        replace(replace(replace(replace(resource_form, '{hex}', hex_id(resource_no, 'id', 16)),
            '{region}', region), '{account}', account_id), '{name}', name) AS "lineItem/ResourceId",
        product_name AS "product/ProductName",
        CASE WHEN is_sized THEN 'Yes' END AS "product/currentGeneration",
        CASE WHEN family_no = 4 THEN 'PostgreSQL' END AS "product/databaseEngine",
        CASE WHEN family_no = 4 THEN 'Single-AZ' END AS "product/deploymentOption",
        CASE WHEN product_family = 'Storage' THEN '99.999999999%' END AS "product/durability",
        CASE WHEN product_family = 'Data Transfer' THEN place END AS "product/fromLocation",
        CASE WHEN product_family = 'Data Transfer' THEN 'AWS Region' END AS "product/fromLocationType",
        CASE WHEN is_sized THEN 'General purpose' END AS "product/instanceFamily",
        CASE WHEN is_sized THEN instance_type END AS "product/instanceType",
        CASE WHEN is_sized THEN split_part(instance_type, '.', 1) END AS "product/instanceTypeFamily",
        CASE WHEN is_sized THEN 'No License required' END AS "product/licenseModel",
        place AS "product/location",
        'AWS Region' AS "product/locationType",
        CASE WHEN is_sized THEN memory END AS "product/memory",
        CASE WHEN is_sized THEN 'Up to 10 Gigabit' END AS "product/networkPerformance",
        CASE WHEN is_sized THEN factor::VARCHAR END AS "product/normalizationSizeFactor",
        CASE WHEN family_no = 1 AND is_sized THEN 'Linux' END AS "product/operatingSystem",
        operation AS "product/operation",
        CASE WHEN is_sized THEN 'AWS Graviton2 Processor' END AS "product/physicalProcessor",
        CASE WHEN is_sized THEN '64-bit' END AS "product/processorArchitecture",
        product_family AS "product/productFamily",
        region AS "product/region",
        product_code AS "product/servicecode",
        sku AS "product/sku",
        CASE WHEN product_family = 'Storage' THEN 'General Purpose' END AS "product/storageClass",
        CASE WHEN family_no = 1 AND is_sized THEN 'Shared' END AS "product/tenancy",
        CASE WHEN product_family = 'Data Transfer' THEN 'External' END AS "product/toLocation",
        CASE WHEN product_family = 'Data Transfer' THEN 'AWS Outbound' END AS "product/transferType",
        full_usage_type AS "product/usagetype",
        CASE WHEN is_sized THEN vcpu END AS "product/vcpu",
        format('{}.JRTCKXETXF.6YS6EN2CT7', sku) AS "pricing/RateCode",
        (10000000000 + draw(sku, 'rate', 1000000000))::VARCHAR AS "pricing/RateId",
        unit AS "pricing/unit",
        format('AssumedRole:AROA{}:deployer', upper(hex_id(account_id, 'role', 17))) AS "resourceTags/aws:createdBy",
        CASE WHEN tag_point < 95 THEN name END AS "resourceTags/user:Name",
        CASE WHEN tag_point < 90 THEN format('CC-{}', 100 + account_no % 12) END AS "resourceTags/user:cost-centre",
        CASE WHEN tag_point < 92 THEN env END AS "resourceTags/user:env",
        CASE WHEN tag_point < 60 THEN format('owner-{}@example.in', account_no) END AS "resourceTags/user:owner",
        CASE WHEN tag_point < 85 THEN service END AS "resourceTags/user:service",
        team AS "resourceTags/user:team"
    FROM priced
),

-- Taxes, credits, discounts and refunds name an account and a product, nothing else.
blank_meter AS (
    SELECT DISTINCT
        'blank' AS pool,
        1::DECIMAL(18, 10) AS unit_rate,
        1 AS most,
        account_id AS "lineItem/UsageAccountId",
        product_code AS "lineItem/ProductCode",
        product_name AS "product/ProductName",
        product_code AS "product/servicecode"
    FROM account
    CROSS JOIN family
),

plan_meter AS (
    SELECT
        'sp_fee' AS pool,
        1::DECIMAL(18, 10) AS unit_rate,
        1 AS most,
        format('arn:aws:savingsplans::{}:savingsplan/plan-{}', payer(), range) AS sp_arn,
        '1 year No Upfront Compute Savings Plan' AS description,
        payer() AS "lineItem/UsageAccountId",
        'ComputeSavingsPlans' AS "lineItem/ProductCode",
        'ComputeSP:1yrNoUpfront' AS "lineItem/UsageType",
        'Savings Plans for AWS Compute usage' AS "product/ProductName"
    FROM range(3)
),

reservation_meter AS (
    SELECT DISTINCT ON (ri_arn)
        'ri_fee' AS pool,
        unit_rate,
        1 AS most,
        ri_arn,
        'USD hourly fee per reserved instance (No Upfront)' AS description,
        payer() AS "lineItem/UsageAccountId",
        "lineItem/ProductCode",
        replace("lineItem/UsageType", 'BoxUsage', 'HeavyUsage') AS "lineItem/UsageType",
        "lineItem/Operation",
        "product/ProductName",
        "product/productFamily",
        "product/instanceType",
        "product/region",
        "product/servicecode",
        "product/sku",
        "pricing/unit"
    FROM usage_meter
    WHERE pool IN ('both', 'ri')
    ORDER BY ALL
),

every_meter AS (
    FROM usage_meter
    UNION ALL BY NAME FROM blank_meter
    UNION ALL BY NAME FROM plan_meter
    UNION ALL BY NAME FROM reservation_meter
)

SELECT
    row_number() OVER (
        ORDER BY
            list_position(['sp', 'both', 'ri', 'none', 'blank', 'sp_fee', 'ri_fee'], pool),
            "lineItem/UsageAccountId", "lineItem/ResourceId", "lineItem/ProductCode",
            "lineItem/UsageType", sp_arn, ri_arn
    ) - 1 AS meter_no,
    *
FROM every_meter;

CREATE OR REPLACE TEMP TABLE pool AS
SELECT
    kind.*,
    min(meter.meter_no) AS first_meter,
    count(*) AS meters
FROM (
    VALUES
        (0, 'Usage', ['sp', 'both', 'ri', 'none']),
        (1, 'SavingsPlanCoveredUsage', ['sp', 'both']),
        (2, 'SavingsPlanNegation', ['sp', 'both']),
        (3, 'DiscountedUsage', ['both', 'ri']),
        (4, 'SavingsPlanRecurringFee', ['sp_fee']),
        (5, 'RIFee', ['ri_fee']),
        (6, 'Tax', ['blank']),
        (7, 'Credit', ['blank']),
        (8, 'EdpDiscount', ['blank']),
        (9, 'Refund', ['blank'])
) AS kind (kind_no, line_item_type, pools)
INNER JOIN meter ON list_contains(kind.pools, meter.pool)
GROUP BY ALL;
