create temporary function user_traffic as 'ecomm.flink.UserTraffic'
