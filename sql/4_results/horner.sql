-- one value is a polynomial of x by Horner's rule: a + b·x + c·x² + … + h·x⁷
create or replace macro horner(x, a, b, c, d, e, f, g, h)
as (((((((h * x + g) * x + f) * x + e) * x + d) * x + c) * x + b) * x + a);
