mod basket;
