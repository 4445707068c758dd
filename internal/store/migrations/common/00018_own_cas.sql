-- +goose Up
-- Our own CAs count as CA certificates, too, as those made from now on do.
UPDATE certificates SET is_ca = TRUE WHERE protocol = 'ca' AND EXISTS (
  SELECT 1 FROM certificate_bodies b JOIN issuers i ON i.certificate = b.der WHERE b.certificate = certificates.id);

-- +goose Down
UPDATE certificates SET is_ca = FALSE WHERE protocol = 'ca';
