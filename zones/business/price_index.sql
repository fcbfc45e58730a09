-- description: What a diaper costs a week, in each currency, and as an index: 100 is the first week on record.
-- primary key: currency, week
-- column week: The Monday on which the week begins
-- column offers: How many prices were seen
-- column mean_price: Mean price of one diaper, in the currency
-- column price_index: The mean price as a percentage of that of the currency's first week
-- not null: mean_price, price_index

WITH weeks AS (
  SELECT
    currency,
    CAST(date_trunc('week', date) AS DATE) AS week,
    count(*) AS offers,
    avg(CAST(price AS DOUBLE) / quantity) AS mean_price
  FROM clean.products
  GROUP BY currency, CAST(date_trunc('week', date) AS DATE)
)
SELECT
  currency,
  week,
  offers,
  round(mean_price, 4) AS mean_price,
  round(100 * mean_price / first_value(mean_price) OVER (PARTITION BY currency ORDER BY week), 1) AS price_index
FROM weeks
ORDER BY currency, week
