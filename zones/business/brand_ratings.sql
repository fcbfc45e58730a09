-- description: How each brand is rated, over all of its reviews and in the last year of them.
-- primary key: brand
-- column reviews: How many reviews there are
-- column mean_rating: Mean of the stars, 1 to 5
-- column verified_share: Which part of the reviews is of proven purchases
-- column mean_rating_last_year: Mean of the stars in the 365 days before the newest review
-- row count change: at most 50%

WITH newest AS (SELECT max(updated_at) AS at FROM clean.diaper_reviews)
SELECT
  brand,
  count(*) AS reviews,
  round(avg(rating), 2) AS mean_rating,
  round(avg(CASE WHEN verified THEN 1.0 ELSE 0.0 END), 3) AS verified_share,
  round(avg(CASE WHEN updated_at >= newest.at - INTERVAL 365 DAY THEN rating END), 2) AS mean_rating_last_year
FROM clean.diaper_reviews, newest
GROUP BY brand
ORDER BY brand
