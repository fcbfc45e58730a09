-- description: What buyers say about diapers, once per review, as it was last changed.
-- primary key: id
-- incremental: landing.diaper_reviews
-- column country: The author's country, ISO 3166-1 alpha-2
-- column verified: Whether the purchase is proven
-- not null: brand, model, rating, updated_at
-- accepted values rating: 1, 2, 3, 4, 5

SELECT
  id,
  product_id,
  trim(brand) AS brand,
  trim(model) AS model,
  rating,
  title,
  body,
  author.countrycode AS country,
  author.verified AS verified,
  price_paid,
  currency,
  created_at,
  updated_at
FROM landing.diaper_reviews
QUALIFY row_number() OVER (PARTITION BY id ORDER BY _sdc_sequence DESC) = 1
